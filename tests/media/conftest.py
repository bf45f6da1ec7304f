"""A decoder pool that the tests of this room share, and a way to read a decoding to its end."""

import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from gateway.media.decoder import DecodedFrame, DecodeOptions, DecoderPool
from gateway.media.limits import MediaLimits
from shared.contracts.analyses import Notice
from shared.contracts.media import Media
from shared.contracts.problems import Problem
from tests import media_files


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run this room's tests in one event loop, so that they can share a pool."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass
class Decoded:
    """All that came out of one decoding."""

    probed: Media
    media: Media
    seconds: float | None
    notices: tuple[Notice, ...]
    peak_bytes: int
    frames: list[DecodedFrame] = field(default_factory=list)
    sound_times: list[float] = field(default_factory=list)
    samples: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    @property
    def times(self) -> list[float]:
        return [round(frame.t, 3) for frame in self.frames]

    @property
    def codes(self) -> set[str]:
        return {notice.code for notice in self.notices}

    @property
    def numbers(self) -> list[int]:
        """Which of `media_files.counted` the frames are."""
        return [media_files.number_of(frame.picture) for frame in self.frames]


async def decode_all(pool: DecoderPool, path: Path, *, seconds: float = 30.0, **options: object) -> Decoded:
    deadline = time.monotonic() + seconds
    async with pool.decode(path, DecodeOptions(**options), deadline=deadline) as decoding:
        probed = await decoding.probe()
        frames, sound_times, parts = [], [], []
        async for piece in decoding:
            if isinstance(piece, DecodedFrame):
                frames.append(piece)
            else:
                sound_times.append(piece.t)
                parts.append(piece.samples)
    return Decoded(
        probed=probed,
        media=decoding.media,
        seconds=decoding.seconds,
        notices=decoding.notices,
        peak_bytes=decoding.peak_bytes,
        frames=frames,
        sound_times=sound_times,
        samples=np.concatenate([np.zeros(0, np.float32), *parts]),
    )


async def outcome_of(pool: DecoderPool, path: Path, **options: object) -> Decoded | Problem:
    try:
        return await decode_all(pool, path, **options)
    except Problem as problem:
        return problem


async def refusal_of(pool: DecoderPool, path: Path, **options: object) -> Problem:
    with pytest.raises(Problem) as caught:
        await decode_all(pool, path, **options)
    problem = caught.value
    assert "Traceback" not in problem.detail
    assert str(path.parent) not in problem.detail
    return problem


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Makes a file of a table of makers once for all tests."""
    folder = tmp_path_factory.mktemp("made")
    return functools.cache(lambda table, name: getattr(media_files, table)[name](folder))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pool() -> AsyncIterator[DecoderPool]:
    async with DecoderPool(limits=MediaLimits(), max_processes=2) as pool:
        yield pool


@pytest_asyncio.fixture(loop_scope="session")
async def limited() -> AsyncIterator[Callable[..., Awaitable[DecoderPool]]]:
    """Makes pools with other limits."""
    pools = []

    async def make(**limits: object) -> DecoderPool:
        pool = DecoderPool(limits=MediaLimits(**limits), max_processes=1)
        pools.append(pool)
        await pool.start()
        return pool

    yield make
    for pool in pools:
        await pool.close()
