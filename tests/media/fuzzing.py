"""Good files with seeded damage: what a decoder must survive.

python -m tests.media.fuzzing --files 10000 --seed 7
"""

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gateway.media.decoder import DecoderPool
from gateway.media.limits import MediaLimits
from shared.contracts.problems import Problem
from tests import media_files
from tests.media.conftest import outcome_of

SMALL_BYTES = 400_000
EXPECTED = {"unsupported-media", "damaged-media", "media-over-limit", "empty-upload"}
_SEEDS = (
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x00\x00\x00\x00",
    b"\x80\x00\x00\x00",
)


@dataclass
class FuzzResult:
    """How a run ended: how often each outcome came, and which damage led to one that must not be."""

    outcomes: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)


def damage(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage a file in one to four places, mostly near its beginning, where the headers are."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        reach = len(data) if rng.random() < 0.4 else min(len(data), 600)
        place = int(rng.integers(0, max(1, reach)))
        length = int(rng.integers(1, 64))
        match int(rng.integers(0, 7)):
            case 0:
                data[place : place + 1] = bytes([data[place] ^ 1 << int(rng.integers(8))]) if data else b""
            case 1:
                seed = _SEEDS[int(rng.integers(len(_SEEDS)))]
                data[place : place + len(seed)] = seed
            case 2:
                data[place : place + length] = rng.bytes(length)
            case 3:
                del data[place : place + length]
            case 4:
                data[place:place] = data[place : place + length]
            case 5:
                del data[int(rng.integers(len(data) // 8, len(data) + 1)) :]
            case _:
                other = int(rng.integers(0, max(1, len(data))))
                data[place : place + length] = data[other : other + length]
        if not data:
            break
    return bytes(data)


def mutants(contents: Sequence[bytes], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Give `count` damaged files, each with a name by which it can be made again."""
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        yield f"seed {seed}, number {number}", damage(contents[number % len(contents)], rng)


async def fuzz(
    pool: DecoderPool, contents: Sequence[bytes], path: Path, *, count: int, seed: int
) -> FuzzResult:
    """Decode damaged files one after the other; each must give a result or an expected problem in 5 s."""
    result = FuzzResult()
    for name, content in mutants(contents, count, seed):
        path.write_bytes(content)
        outcome = await outcome_of(pool, path, seconds=5)
        kind = outcome.name if isinstance(outcome, Problem) else "decoded"
        result.outcomes[kind] += 1
        if isinstance(outcome, Problem) and kind not in EXPECTED:
            result.unexpected.append(f"{name}: {kind}: {outcome.detail}")
        if isinstance(outcome, Problem) and outcome.detail.endswith("decoding it failed."):
            result.outcomes["crashed in its sandbox"] += 1
    return result


def small_files(folder: Path) -> list[bytes]:
    """Give a good file of every kind, without the few large ones."""
    tables = (media_files.FILMS, media_files.SOUNDS, media_files.PICTURES)
    contents = [make(folder).read_bytes() for makers in tables for make in makers.values()]
    return [content for content in contents if len(content) < SMALL_BYTES]


async def _main(count: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contents = small_files(folder)
        async with DecoderPool(limits=MediaLimits(), max_processes=1) as pool:
            result = await fuzz(pool, contents, folder / "damaged", count=count, seed=seed)
            restarts = pool.state.restarts
    print(dict(result.outcomes), f"nursery restarts: {restarts}", *result.unexpected, sep="\n")  # noqa: T201
    return 1 if result.unexpected or restarts else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    raise SystemExit(asyncio.run(_main(arguments.files, arguments.seed)))
