"""Many requests of mixed media, some hostile: no process may grow with their number.

python -m tests.stress.soak --requests 10000
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests import media_files
from tests.stress.footprint import Footprint, name_of
from tests.stress.load import Caller
from tests.stress.own_server import own_server
from tests.stress.placing import use_core

_AT_ONCE = 2
_LOOKS = 100
MOST_BYTES_A_REQUEST = 1024


@dataclass(frozen=True)
class Growth:
    """Of one process, over the run without its first fifth.

    Args:
        process: its module.
        bytes_a_request: slope of a straight line through its resident memory.
        megabytes: resident memory at the end.
        descriptors: open files and pipes more than at the first look.
        threads: threads more than at the first look.
    """

    process: str
    bytes_a_request: float
    megabytes: float
    descriptors: int
    threads: int


def mixed_uploads(folder: Path) -> list[bytes]:
    """Small pictures, short sounds, short films and hostile files, in the mix in which they are sent."""
    rng = np.random.default_rng(5)
    faces = media_files.astronaut(), media_files.grace_hopper()
    pictures = [
        media_files.write_picture(
            folder / f"{number}.jpg", faces[number % 2][:, : 300 + 20 * number], quality=80
        )
        for number in range(6)
    ]
    pictures += [media_files.PICTURES[kind](folder) for kind in ("png", "webp", "gif")]
    sounds = [
        media_files.write_sound(folder / f"{number}.wav", media_files.speech(0.5 + number / 2))
        for number in range(4)
    ]
    films = [
        media_files.talking_film(folder / f"{number}.mp4", seconds=1 + number / 2, width=160 + 80 * number)
        for number in range(2)
    ]
    good = [path.read_bytes() for path in [*pictures, *sounds, *films]]
    hostile = [b"", b"no film", rng.bytes(5000), good[0][:2000], good[-1][: len(good[-1]) // 2]]
    return [*good, *hostile]


async def soak(
    url: str, uploads: Sequence[bytes], requests: int, look: Callable[[], Footprint]
) -> tuple[list[Footprint], Counter[int]]:
    """Send so many requests; give what the processes held meanwhile, and how often each status came."""
    caller = Caller(url)
    statuses: Counter[int] = Counter()
    looks: list[Footprint] = []
    numbers = iter(range(requests))
    every = max(1, requests // _LOOKS)

    async def client() -> None:
        for number in numbers:
            answer = await caller.post(uploads[number % len(uploads)], "/v1/analyses?fps=3")
            statuses[answer.status] += 1
            if number % every == 0:
                looks.append(look())
                _report(number, looks[-1])

    await asyncio.gather(*(client() for _ in range(_AT_ONCE)))
    await caller.close()
    return looks, statuses


def _report(number: int, look: Footprint) -> None:
    megabytes = {name_of(pid): round(resident / 1e6, 1) for pid, resident in look.resident.items()}
    print(number, megabytes, file=sys.stderr, flush=True)  # noqa: T201


def growth_of(looks: Sequence[Footprint], requests: int) -> list[Growth]:
    """Judge the processes that were there all the time."""
    settled = looks[len(looks) // 5 :]
    each = requests / len(looks)
    found = []
    for pid in settled[0].resident:
        resident = [look.resident[pid] for look in settled if pid in look.resident]
        if len(resident) < len(settled):
            continue
        slope = np.polyfit(np.arange(len(resident)) * each, resident, 1)[0]
        first, last = settled[0], settled[-1]
        found.append(
            Growth(
                name_of(pid),
                round(float(slope), 1),
                round(resident[-1] / 1e6, 1),
                last.descriptors[pid] - first.descriptors[pid],
                last.threads[pid] - first.threads[pid],
            )
        )
    return found


def misses(growths: Sequence[Growth], statuses: Counter[int]) -> list[str]:
    """Say which promises were not kept."""
    found = [
        f"{growth.process} grows by {growth.bytes_a_request:.0f} bytes a request"
        for growth in growths
        if growth.bytes_a_request > MOST_BYTES_A_REQUEST
    ]
    found += [
        f"{growth.process}: {growth.descriptors} descriptors more"
        for growth in growths
        if growth.descriptors > 8
    ]
    found += [f"{growth.process}: {growth.threads} threads more" for growth in growths if growth.threads > 1]
    found += [f"status {status}" for status in statuses if status not in {200, 415, 422}]
    return found


def main() -> int:
    """Run it against a server of its own and print the figures as JSON; 1 when a promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--core", type=int, help="run everything on this core only")
    arguments = parser.parse_args()
    use_core(arguments.core)
    with own_server() as server:
        contents = mixed_uploads(server.folder)
        looks, statuses = asyncio.run(soak(server.url, contents, arguments.requests, server.footprint))
        growths = growth_of(looks, arguments.requests)
        left = list(looks[-1].files)
    found = {
        "requests": arguments.requests,
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "growth": {growth.process: [growth.bytes_a_request, growth.megabytes] for growth in growths},
        "misses": [*misses(growths, statuses), *left],
    }
    print(json.dumps(found, indent=1))  # noqa: T201
    return 1 if found["misses"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
