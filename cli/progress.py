"""How far an analysis has come, as a bar on standard error."""

import contextlib
from collections.abc import Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from cli.wording import clock, file_size, printable


class ProgressView(Protocol):
    """Is told how far an analysis has come."""

    def uploaded(self, sent: int, total: int) -> None:
        """So many bytes of all have been sent."""

    def waiting(self) -> None:
        """Everything is sent; the server works."""

    def decoded(self, seconds: float, of_seconds: float | None, frames: int) -> None:
        """So many seconds of the media, of all if known, have been read, and so many frames of it."""

    def drawn(self, seconds: float, of_seconds: float | None) -> None:
        """So many seconds of the film, of all if known, have been drawn into."""


class NoProgress:
    """Shows nothing."""

    def uploaded(self, sent: int, total: int) -> None:
        """Ignore it."""

    def waiting(self) -> None:
        """Ignore it."""

    def decoded(self, seconds: float, of_seconds: float | None, frames: int) -> None:
        """Ignore it."""

    def drawn(self, seconds: float, of_seconds: float | None) -> None:
        """Ignore it."""


class BarProgress:
    """One bar for one file.

    Args:
        bars: rich's display, started.
        name: of the file.
    """

    def __init__(self, bars: Progress, name: str) -> None:
        self._bars = bars
        self._stage = ""
        self._task: TaskID = bars.add_task(printable(name), total=None, what="reading")

    def uploaded(self, sent: int, total: int) -> None:
        """Show the bytes sent."""
        what = f"uploading {file_size(sent)} of {file_size(total)}"
        self._bars.update(self._task, completed=sent, total=total, what=what)

    def waiting(self) -> None:
        """Show that the server works."""
        self._bars.update(self._task, total=None, what="analysing")

    def decoded(self, seconds: float, of_seconds: float | None, frames: int) -> None:
        """Show the seconds and frames read."""
        self._show("analysing", seconds, of_seconds, f", {frames} frames")

    def drawn(self, seconds: float, of_seconds: float | None) -> None:
        """Show the seconds drawn."""
        self._show("drawing", seconds, of_seconds)

    def _show(self, stage: str, seconds: float, of_seconds: float | None, more: str = "") -> None:
        if stage != self._stage:
            # The time that is left is reckoned from the pace of this stage alone.
            self._stage = stage
            self._bars.reset(self._task, total=of_seconds)
        what = f"{stage} {clock(seconds)}"
        if of_seconds is not None:
            what += f" of {clock(of_seconds)}"
            seconds = min(seconds, of_seconds)
        self._bars.update(self._task, completed=seconds, total=of_seconds, what=what + more)


class _SecondsLeft(ProgressColumn):
    """The seconds left, where the length and the pace are known."""

    def render(self, task: Task) -> Text:
        """Give the text for one bar."""
        seconds = task.time_remaining
        return Text("" if not seconds or task.finished else f"{clock(seconds)} left", "cyan")


@contextlib.contextmanager
def progress_of(console: Console, name: str, *, shown: bool) -> Iterator[ProgressView]:
    """Show a bar for a file while the context lasts, or nothing."""
    if not shown:
        yield NoProgress()
        return
    bars = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[what]}", markup=False),
        TimeElapsedColumn(),
        _SecondsLeft(),
        console=console,
        transient=True,
    )
    with bars:
        yield BarProgress(bars, name)
