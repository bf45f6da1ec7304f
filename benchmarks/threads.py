"""How the CPUs are split between face_service and speech_service: `python -m benchmarks.threads`.

The same film through servers that differ in nothing but their inference threads (`cli/budget.py`), in turns:
as shipped (for the CPUs of this machine), for half and for twice as many.
"""

import argparse
import contextlib
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.films import send, served
from cli.budget import split_threads
from shared.settings import usable_cpus
from tests import media_files


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the film")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    cpus = usable_cpus()
    ways = {}
    for budget in (cpus, max(1, cpus // 2), 2 * cpus):
        split = split_threads(budget)
        ways[f"face {split.face}, speech {split.speech}"] = {"EMOTION_THREADS": str(budget)}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as servers:
        film = media_files.talking_film(
            Path(folder) / "film.mp4", seconds=arguments.seconds, width=1280, height=720
        ).read_bytes()
        urls = {name: servers.enter_context(served(settings))[0] for name, settings in ways.items()}
        times: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(arguments.runs + 1):
            for name, url in urls.items():
                began = time.perf_counter()
                send(url, film)
                if number:
                    times[name].append(time.perf_counter() - began)
    base = statistics.median(next(iter(times.values())))
    print("\n| threads | median s | of the time as shipped |\n|---|---|---|")
    for name, taken in times.items():
        print(f"| {name} | {statistics.median(taken):.2f} | {statistics.median(taken) / base:.2f} |")


if __name__ == "__main__":
    main()
