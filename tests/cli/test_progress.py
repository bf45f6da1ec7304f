"""The progress bar: what it says, and that it says how long it will take."""

import io
import re
import time

from rich.console import Console

from cli.progress import progress_of


def test_frames_and_the_seconds_left_are_shown() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=140)
    give_up = time.monotonic() + 60
    at = 0
    with progress_of(console, "clip.mp4", shown=True) as progress:
        progress.uploaded(500, 1000)
        progress.waiting()
        # The pace is known after a few reports.
        while " left" not in screen.getvalue() and time.monotonic() < give_up:
            at += 1
            progress.decoded(at / 100, 1000, at)
            time.sleep(0.02)
        progress.drawn(1, 2)
    shown = screen.getvalue()
    assert "analysing" in shown
    assert re.search(r"of 16:40, \d+ frames", shown)
    assert " left" in shown


def test_where_nobody_looks_nothing_is_shown() -> None:
    screen = io.StringIO()
    with progress_of(Console(file=screen, force_terminal=True), "clip.mp4", shown=False) as progress:
        progress.uploaded(1, 1)
        progress.waiting()
        progress.decoded(1, None, 5)
        progress.drawn(1, None)
    assert screen.getvalue() == ""
