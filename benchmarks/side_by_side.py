"""Ours beside what a user would pick instead, on one film, in one run: `python -m benchmarks.side_by_side`.

Each peer is installed from PyPI into a virtual environment of its own, below `--folder`, and reads the film
at 5 frames a second: frames a second, peak memory, and in how many frames it found a face. Peers read faces
only, so ours is measured with `modalities=face`, and whole (with speech and fusion). What cannot be installed
or run here is left out, and the reason is printed.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.films import served
from benchmarks.long_films import Watch
from tests import media_files

_INSTALL_SECONDS = 1200
_RUN_SECONDS = 900

_READ_FILM = """
import json, resource, sys, time
import cv2

def frames(path, fps=5):
    film = cv2.VideoCapture(path)
    rate = film.get(cv2.CAP_PROP_FPS)
    wanted = index = 0
    while film.grab():
        if index / rate + 1e-3 >= wanted / fps:
            wanted += 1
            yield film.retrieve()[1]
        index += 1

def measure(read, path):
    for number, frame in enumerate(frames(path)):
        read(frame)
        if number == 2:
            break
    began, seen, found = time.perf_counter(), 0, 0
    for frame in frames(path):
        seen += 1
        found += bool(read(frame))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "frames": seen, "found": found, "peak": peak}))
"""


@dataclass(frozen=True)
class Peer:
    """A package that reads emotions from faces.

    Args:
        name: for the table.
        folder: of its virtual environment; peers may share one.
        requirements: for pip.
        script: defines `read(frame)`, which gives something true where a face was found.
    """

    name: str
    folder: str
    requirements: tuple[str, ...]
    script: str


_FER = ("fer==22.5.1", "tensorflow-cpu", "moviepy<2", "setuptools<81", "opencv-python-headless")
PEERS = (
    Peer(
        "fer 22.5.1, Haar cascade",
        "fer",
        _FER,
        "from fer import FER\nfer = FER(mtcnn=False)\nread = fer.detect_emotions\n",
    ),
    Peer(
        "fer 22.5.1, MTCNN",
        "fer",
        _FER,
        "from fer import FER\nfer = FER(mtcnn=True)\nread = fer.detect_emotions\n",
    ),
)
_LEFT_OUT = (
    "deepface: its weights are no part of the package; it loads them from GitHub at its first use.",
    "human (npm): it wants Node.js, and its own decoder of films.",
)


def main() -> None:
    """Make the film, measure everybody, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the film")
    parser.add_argument("--folder", type=Path, help="where virtual environments stay; else thrown away")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        film = media_files.talking_film(
            Path(name) / "film.mp4", seconds=arguments.seconds, width=1280, height=720
        )
        folder = arguments.folder or Path(name)
        print("\n| who | frames a second | peak memory MB | frames with a face |\n|---|---|---|---|")
        for line in ours(film):
            print(line, flush=True)
        for peer in PEERS:
            print(measure(peer, film, folder), flush=True)
    print("\nLeft out: " + " ".join(_LEFT_OUT))


def ours(film: Path) -> Iterator[str]:
    """Measure both profiles through HTTP; memory is that of all processes together."""
    ways: tuple[tuple[str, dict[str, str]], ...] = (
        ("ours, faces only", {"modalities": "face"}),
        ("ours, with speech and fusion", {}),
        ("ours, `paper` profile (Haar, 48x48 CNN)", {"modalities": "face", "profile": "paper"}),
    )
    body = film.read_bytes()
    with served() as (url, pids):
        for name, options in ways:
            try:
                send(url, body, options)
                with Watch(pids) as watch:
                    began = time.perf_counter()
                    frames = send(url, body, options)
                    seconds = time.perf_counter() - began
            except httpx.HTTPError as error:
                yield f"| {name} | failed: {type(error).__name__} | | |"
                continue
            found = sum(bool(frame["faces"]) for frame in frames)
            yield row(name, len(frames) / seconds, sum(watch.peak.values()), found, len(frames))


def send(url: str, body: bytes, options: dict[str, str]) -> list[dict[str, list[object]]]:
    """Analyse once and give the frames."""
    answer = httpx.post(f"{url}/v1/analyses", params=options, content=body, timeout=600)
    answer.raise_for_status()
    frames: list[dict[str, list[object]]] = answer.json()["frames"]
    return frames


def measure(peer: Peer, film: Path, folder: Path) -> str:
    """Install and run one peer; the reason where it cannot be."""
    home = folder.absolute() / peer.folder
    python = home / "bin" / "python"
    try:
        if not (home / "installed").exists():
            subprocess.run([sys.executable, "-m", "venv", home], check=True, timeout=120)
            install = [str(python), "-m", "pip", "install", "--quiet", *peer.requirements]
            subprocess.run(install, check=True, timeout=_INSTALL_SECONDS, capture_output=True)
            (home / "installed").touch()
        script = f"{_READ_FILM}\n{peer.script}\nmeasure(read, sys.argv[1])\n"
        output = subprocess.run(
            [str(python), "-I", "-c", script, str(film)],
            check=True,
            timeout=_RUN_SECONDS,
            capture_output=True,
            text=True,
        ).stdout
    except subprocess.CalledProcessError as error:
        return f"| {peer.name} | cannot be run here: {_reason(error)} | | |"
    except subprocess.TimeoutExpired:
        return f"| {peer.name} | not done in time | | |"
    except OSError as error:
        return f"| {peer.name} | cannot be run here: {error.strerror} | | |"
    read = json.loads(output.strip().split("\n")[-1])
    return row(peer.name, read["frames"] / read["seconds"], read["peak"], read["found"], read["frames"])


def _reason(error: subprocess.CalledProcessError) -> str:
    """Give the line of an exception, or how the process ended."""
    said = error.stderr if isinstance(error.stderr, str) else (error.stderr or b"").decode(errors="replace")
    named = [line for line in said.split("\n") if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return named[-1][:120] if named else f"it ended with status {error.returncode}"


def row(name: str, rate: float, peak: float, found: int, frames: int) -> str:
    """Lay out one row of the table."""
    return f"| {name} | {rate:.1f} | {peak / 1e6:.0f} | {found} of {frames} |"


if __name__ == "__main__":
    main()
