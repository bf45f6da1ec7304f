"""A client of `WS /v1/live` for tests: sends a stream, collects what comes back until the close."""

import asyncio
import contextlib
import io
import json
import struct
from collections.abc import AsyncIterator, Iterable, Iterator

import numpy as np
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from shared.contracts.live import TO_CLIENT, LiveEvent
from tests import media_files

PICTURE, SOUND = 1, 2


def packet(kind: int, t: float, body: bytes) -> bytes:
    """A packet as docs/live.md has it."""
    return struct.pack(">B7xd", kind, t) + body


def jpeg(pixels: media_files.Pixels, quality: int = 80) -> bytes:
    """A JPEG of [h,w,3] pixels."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


def pcm(samples: media_files.Samples) -> bytes:
    """16-bit little-endian samples of -1..1."""
    return (samples * 32_767).astype("<i2").tobytes()


def packets(
    seconds: float,
    *,
    fps: float = 5,
    faces: Iterable[bytes] | None = None,
    voice: media_files.Samples | None = None,
    chunk: float = 0.25,
    start: float = 0.0,
) -> Iterator[tuple[float, bytes]]:
    """Pictures and sound in the order of their times, as (time, message).

    Args:
        faces: JPEGs, used again and again; none where not given.
        voice: 16 kHz mono, used again and again; none where not given.
        chunk: length of a sound packet, seconds.
        start: time of the first.
    """
    found: list[tuple[float, bytes]] = []
    if faces is not None:
        pictures = list(faces)
        found += [
            (start + n / fps, packet(PICTURE, start + n / fps, pictures[n % len(pictures)]))
            for n in range(round(seconds * fps))
        ]
    if voice is not None:
        size = round(chunk * 16_000)
        body = pcm(np.resize(voice, round(seconds * 16_000)))
        found += [
            (start + n * chunk, packet(SOUND, start + n * chunk, body[2 * n * size : 2 * (n + 1) * size]))
            for n in range(round(seconds / chunk))
        ]
    yield from sorted(found, key=lambda pair: pair[0])


def cut(data: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """Bytes in pieces of these sizes; the last piece is what is left."""
    begin = 0
    for size in sizes:
        if begin >= len(data):
            return
        yield data[begin : begin + size]
        begin += size
    yield data[begin:]


class Viewer:
    """One open connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.events: list[LiveEvent] = []

    async def send(self, message: bytes | str) -> None:
        """Send a message; nothing happens where the server has closed meanwhile."""
        with contextlib.suppress(ConnectionClosed):
            await self.connection.send(message)

    async def say(self, **message: object) -> None:
        """Send a text message."""
        await self.send(json.dumps(message))

    async def next(self) -> LiveEvent:
        """Wait for the next event."""
        async with asyncio.timeout(60):
            event = TO_CLIENT.validate_json(await self.connection.recv())
        self.events.append(event)
        return event

    async def until(self, *kinds: str) -> LiveEvent:
        """Read events up to the next one of these kinds."""
        while True:
            event = await self.next()
            if event.event in kinds:
                return event

    async def to_the_end(self) -> tuple[int, str]:
        """Read everything that comes; give the close code and its reason."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.next()
        return self.connection.close_code, self.connection.close_reason

    def all(self, kind: str) -> list:
        """The events of a kind so far."""
        return [event for event in self.events if event.event == kind]


@contextlib.asynccontextmanager
async def knock(url: str, **options: object) -> AsyncIterator[Viewer]:
    """Connect, and say nothing yet."""
    address = url.replace("http", "ws", 1) + "/v1/live"
    async with connect(address, proxy=None, compression=None, max_size=None, **options) as connection:
        yield Viewer(connection)


@contextlib.asynccontextmanager
async def watch(url: str, source: str, *, headers: dict[str, str] | None = None, **options: object):
    """Connect, open a stream and wait until it is ready."""
    async with knock(url, additional_headers=headers or {}) as viewer:
        await viewer.say(event="open", source=source, **options)
        await viewer.until("ready")
        yield viewer
