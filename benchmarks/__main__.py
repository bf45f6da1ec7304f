"""All figures of docs/performance.md, one after the other: `python -m benchmarks [--quick]`.

About fifteen minutes on two quiet cores: the hour of film takes four, live streams as many, the installation
of the peers several. `--quick` leaves them out and takes shorter films. Each part runs in a process of its
own: where one fails or takes too long, the others go on, and the end says so. What was printed is kept in
`--report`.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

_ALL = (
    ("networks",),
    ("films",),
    ("small_uploads",),
    ("page",),
    ("live",),
    ("threads",),
    ("decode",),
    ("long_films",),
    ("crowd",),
    ("side_by_side", "--seconds", "60"),
)
_QUICK = (
    ("networks", "--runs", "10"),
    ("films", "--seconds", "20"),
    ("small_uploads", "--runs", "10"),
    ("page", "--runs", "3"),
    ("threads", "--seconds", "10"),
    ("decode", "--seconds", "10"),
    ("long_films", "--seconds", "10", "60"),
    ("crowd", "--minutes", "3"),
)
_LONGEST_SECONDS = 3600


def main() -> None:
    """Run them; exit status 1 where one failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few minutes, no peers")
    parser.add_argument("--report", type=Path, default=Path("build/benchmarks.md"), help="where it is kept")
    arguments = parser.parse_args()
    arguments.report.parent.mkdir(parents=True, exist_ok=True)
    ends = []
    with arguments.report.open("w", encoding="utf-8") as report:
        for name, *options in _QUICK if arguments.quick else _ALL:
            say(f"\n## {name}\n", report)
            began = time.monotonic()
            end = run([sys.executable, "-m", f"benchmarks.{name}", *options], report)
            ends.append((name, end, time.monotonic() - began))
        say("\n## Summary\n\n| part | end | took s |\n|---|---|---|", report)
        for name, end, seconds in ends:
            say(f"| {name} | {end} | {seconds:.0f} |", report)
    print(f"\nkept in {arguments.report}")
    if any(end != "done" for _, end, _ in ends):
        raise SystemExit(1)


def run(command: list[str], report: TextIO, *, seconds: float = _LONGEST_SECONDS) -> str:
    """Run one part and everything it starts, its output on the screen and in the report; say how it ended."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as part:
        assert part.stdout is not None
        # Its servers are ended with it: one left over would slow the next part down.
        overdue = _Alarm(part.pid, seconds)
        with overdue:
            for line in part.stdout:
                say(line.rstrip("\n"), report)
            status = part.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(part.pid, signal.SIGKILL)
    if overdue.rang:
        return f"took longer than {seconds:g} s"
    return "done" if status == 0 else f"failed with status {status}"


class _Alarm:
    """Ends a group of processes after some time, unless the block is left before."""

    def __init__(self, group: int, seconds: float) -> None:
        self._group = group
        self._seconds = seconds
        self.rang = False

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, *_: object) -> None:
        self.rang = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._group, signal.SIGKILL)


def say(line: str, report: TextIO) -> None:
    """Print a line, and keep it."""
    print(line, flush=True)
    report.write(f"{line}\n")
    report.flush()


if __name__ == "__main__":
    main()
