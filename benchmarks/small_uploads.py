"""How long a picture and a short sound take, and what idle services hold.

python -m benchmarks.small_uploads
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np

from benchmarks.films import served
from tests import media_files


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder, served() as (url, pids):
        print("\n| idle process | resident MB |\n|---|---|")
        for name, pid in pids.items():
            print(f"| {name} | {resident_megabytes(pid):.0f} |")
        large = np.kron(media_files.astronaut(), np.ones((2, 2, 1), np.uint8))
        picture = media_files.write_picture(Path(folder) / "picture.jpg", large, quality=90)
        sound = media_files.write_sound(Path(folder) / "sound.wav", media_files.speech(3.0))
        print("\n| upload, warm | median ms | slowest ms |\n|---|---|---|")
        for what, path in (("picture of 1024 x 1024, JPEG", picture), ("3 s of speech, WAV", sound)):
            times = [milliseconds(url, path.read_bytes()) for _ in range(runs + 3)][3:]
            print(f"| {what} | {statistics.median(times):.0f} | {max(times):.0f} |")


def resident_megabytes(pid: int) -> float:
    """Resident memory of a process, 10^6 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(pid)


def milliseconds(url: str, body: bytes) -> float:
    """Time of one analysis, from the request to the whole answer."""
    with httpx.Client() as client:
        began = time.perf_counter()
        client.post(f"{url}/v1/analyses", content=body, timeout=60).raise_for_status()
        return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
