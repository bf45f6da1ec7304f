"""How far an analysis has come, as a bar on standard error."""

import contextlib
from collections.abc import Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from cli.wording import clock, file_size, printable


class ProgressView(Protocol):
    """Is told how far an analysis has come."""

    def uploaded(self, sent: int, total: int) -> None:
        """So many bytes of all have been sent."""

    def waiting(self) -> None:
        """Everything is sent; the server works."""

    def decoded(self, seconds: float, of_seconds: float | None) -> None:
        """So many seconds of the media, of all if known, have been read."""


class NoProgress:
    """Shows nothing."""

    def uploaded(self, sent: int, total: int) -> None:
        """Ignore it."""

    def waiting(self) -> None:
        """Ignore it."""

    def decoded(self, seconds: float, of_seconds: float | None) -> None:
        """Ignore it."""


class BarProgress:
    """One bar for one file.

    Args:
        bars: rich's display, started.
        name: of the file.
    """

    def __init__(self, bars: Progress, name: str) -> None:
        self._bars = bars
        self._task: TaskID = bars.add_task(printable(name), total=None, what="reading")

    def uploaded(self, sent: int, total: int) -> None:
        """Show the bytes sent."""
        what = f"uploading {file_size(sent)} of {file_size(total)}"
        self._bars.update(self._task, completed=sent, total=total, what=what)

    def waiting(self) -> None:
        """Show that the server works."""
        self._bars.update(self._task, total=None, what="analysing")

    def decoded(self, seconds: float, of_seconds: float | None) -> None:
        """Show the seconds read."""
        what = f"analysing {clock(seconds)}"
        if of_seconds is not None:
            what += f" of {clock(of_seconds)}"
            seconds = min(seconds, of_seconds)
        self._bars.update(self._task, completed=seconds, total=of_seconds, what=what)


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
        console=console,
        transient=True,
    )
    with bars:
        yield BarProgress(bars, name)
