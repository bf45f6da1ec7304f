"""Whether memory and time stay in proportion on long films: `python -m benchmarks.long_films`.

Sends films of 10 seconds, 10 minutes and an hour through HTTP, samples the resident memory of every process
while it is analysed, and prints Markdown. The film is one short one (720p, one moving face, speech) whose
packets are repeated, so that an hour is written in seconds.

`--fps` is the rate of sampling; the full hour at 5 frames a second has 18,000 frames.
"""

import argparse
import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import httpx

from benchmarks.films import served
from tests import media_files

_PIECE_SECONDS = 10
# A film of ten seconds is read within half a second.
_EVERY_SECONDS = 0.01
_PAGE = 4096


@dataclass(frozen=True)
class Run:
    """One film.

    Args:
        film_seconds: its length.
        seconds: wall time from request to the last byte of the answer.
        answer_bytes: length of the answer.
        faces: how many faces are in it.
        idle: resident bytes of each process before.
        peak: the most of each while it was analysed; `decoder` is all decoder processes together.
        together: the most that gateway and decoders held at one moment.
    """

    film_seconds: float
    seconds: float
    answer_bytes: int
    faces: int
    idle: dict[str, int]
    peak: dict[str, int]
    together: int


def repeat(source: Path, target: Path, times: int) -> Path:
    """Write a film whose packets are those of another one, several times over."""
    with av.open(str(target), "w") as output:
        streams: dict[int, Any] = {}
        with av.open(str(source)) as opened:
            for stream in (*opened.streams.video, *opened.streams.audio):
                streams[stream.index] = output.add_stream_from_template(stream)
            # The sound is a little longer than the pictures.
            length = Fraction(opened.duration or 0, av.time_base) + Fraction(1, 20)
        for number in range(times):
            with av.open(str(source)) as opened:
                for packet in opened.demux(*opened.streams.video, *opened.streams.audio):
                    if packet.dts is None or packet.pts is None:
                        continue
                    offset = int(number * length / Fraction(packet.time_base))
                    packet.pts += offset
                    packet.dts += offset
                    packet.stream = streams[packet.stream.index]
                    output.mux(packet)
    return target


def resident(pid: int) -> int:
    """Resident bytes of a process that are its own or written to; 0 when it is gone."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/statm").read_text().split()
        return int(fields[1]) * _PAGE
    return 0


def children(pid: int) -> list[int]:
    """Processes below a process."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            below = [int(child) for child in (task / "children").read_text().split()]
            found += below
            for child in below:
                found += children(child)
    return found


class Watch:
    """Samples memory until it is stopped."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.idle = self._now()
        self.peak = dict(self.idle)
        self.together = 0

    def _now(self) -> dict[str, int]:
        found = {name: resident(pid) for name, pid in self._pids.items()}
        found["decoder"] = sum(resident(pid) for pid in children(self._pids["gateway"]))
        return found

    def _sample(self) -> None:
        while not self._stopped.wait(_EVERY_SECONDS):
            now = self._now()
            self.peak = {name: max(self.peak[name], size) for name, size in now.items()}
            self.together = max(self.together, now["gateway"] + now["decoder"])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()


def pieces_of(path: Path) -> Iterator[bytes]:
    """Read a file in pieces."""
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece


def analyse(url: str, pids: dict[str, int], film: Path, seconds: float, fps: float) -> Run:
    """Send one film and watch."""
    with Watch(pids) as watch:
        began = time.perf_counter()
        length = faces = 0
        with httpx.stream(
            "POST",
            f"{url}/v1/analyses",
            params={"fps": fps},
            headers={"content-type": "video/mp4"},
            content=pieces_of(film),
            timeout=7200,
        ) as answer:
            for piece in answer.iter_bytes():
                if answer.status_code != httpx.codes.OK:
                    raise SystemExit(f"{answer.status_code}: {piece.decode(errors='replace')}")
                length += len(piece)
                faces += piece.count(b'"detection"')
        took = time.perf_counter() - began
    return Run(seconds, took, length, faces, watch.idle, watch.peak, watch.together)


def report(runs: list[Run]) -> None:
    """Print Markdown."""
    names = list(runs[0].peak)
    print("\n| film | took s | faces | answer MB | " + " | ".join(f"{name} MB" for name in names), end="")
    print(" | gateway and decoder above idle MB |\n|" + "---|" * (len(names) + 5))
    for run in runs:
        held = " | ".join(f"{run.peak[name] / 1e6:.0f}" for name in names)
        above = (run.together - run.idle["gateway"] - run.idle["decoder"]) / 1e6
        print(
            f"| {run.film_seconds:g} s | {run.seconds:.1f} | {run.faces} | {run.answer_bytes / 1e6:.1f} "
            f"| {held} | {above:.0f} |"
        )
    first = runs[0]
    for run in runs[1:]:
        whole = run.together / first.together
        print(
            f"\n{run.film_seconds:g} s against {first.film_seconds:g} s: "
            f"{run.seconds / first.seconds:.1f} times the time, "
            f"{whole:.2f} times the memory of gateway and decoder."
        )


def main() -> None:
    """Parse the arguments, make the films, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=int, nargs="+", default=[10, 600, 3600], help="lengths of the films"
    )
    parser.add_argument("--fps", type=float, default=5.0)
    arguments = parser.parse_args()
    settings = {"EMOTION_REQUEST_SECONDS": "7200", "EMOTION_MAX_UPLOAD_BYTES": str(4 << 30)}
    with tempfile.TemporaryDirectory() as name, served(settings) as (url, pids):
        folder = Path(name)
        piece = media_files.talking_film(folder / "piece.mp4", seconds=_PIECE_SECONDS, width=1280, height=720)
        analyse(url, pids, piece, _PIECE_SECONDS, arguments.fps)
        runs = []
        for seconds in arguments.seconds:
            film = repeat(piece, folder / "film.mp4", max(1, round(seconds / _PIECE_SECONDS)))
            runs.append(analyse(url, pids, film, seconds, arguments.fps))
            film.unlink()
    report(runs)


if __name__ == "__main__":
    main()
