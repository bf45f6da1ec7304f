"""What the decoding process says to the gateway, as records in a pipe: a header, then a payload."""

import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from pydantic import BaseModel, ConfigDict

from shared.contracts.analyses import Notice
from shared.contracts.media import Media

HEADER = struct.Struct("<BxHHxxdI")
"""Kind, height, width, presentation time in seconds, length of the payload in bytes."""

MAX_JSON_BYTES = 65_536
SAMPLE_RATE = 16_000


class RecordKind(IntEnum):
    """What a record's payload is."""

    PROBED = 1
    """JSON of `Media`."""
    FRAME = 2
    """Height x width x 3 bytes, RGB."""
    SOUND = 3
    """float32 little-endian samples, mono, 16 kHz, at most a second."""
    ENDED = 4
    """JSON of `Ending`; nothing follows."""
    PROBLEM = 5
    """JSON of `ProblemRecord`; nothing follows."""


@dataclass(frozen=True, slots=True)
class Header:
    """A record's header."""

    kind: RecordKind
    height: int
    width: int
    t: float
    length: int


class Ending(BaseModel):
    """What is known when all is decoded."""

    model_config = ConfigDict(frozen=True)

    media: Media
    seconds: float | None
    notices: tuple[Notice, ...]
    cpu_ms: float
    peak_bytes: int


class ProblemRecord(BaseModel):
    """A problem found by the decoding process."""

    model_config = ConfigDict(frozen=True)

    name: str
    detail: str
    field: str | None
    remedy: str
    extra: dict[str, str | int | float]


class RecordWriter:
    """Writes records to a blocking pipe: where the reader is slow, the writer waits."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def frame(self, t: float, height: int, width: int, pixels: memoryview) -> None:
        """Write one frame; `pixels` holds height x width x 3 bytes."""
        self._write(RecordKind.FRAME, pixels, t=t, height=height, width=width)

    def frame_in_strips(self, t: float, height: int, width: int, strips: Iterable[bytes]) -> None:
        """Write one frame from top to bottom; the strips hold height x width x 3 bytes together."""
        length = height * width * 3
        self._send((memoryview(HEADER.pack(RecordKind.FRAME, height, width, t, length)),))
        for strip in strips:
            self._send((memoryview(strip),))

    def sound(self, t: float, samples: memoryview) -> None:
        """Write float32 samples that begin at `t`."""
        self._write(RecordKind.SOUND, samples, t=t)

    def document(self, kind: RecordKind, document: BaseModel) -> None:
        """Write a record whose payload is JSON."""
        self._write(kind, memoryview(document.model_dump_json().encode()))

    def _write(
        self, kind: RecordKind, payload: memoryview, *, t: float = 0.0, height: int = 0, width: int = 0
    ) -> None:
        payload = payload.cast("B")
        self._send((memoryview(HEADER.pack(kind, height, width, t, payload.nbytes)), payload))

    def _send(self, parts: Sequence[memoryview]) -> None:
        while parts:
            parts = _after(parts, os.writev(self._descriptor, parts))


def _after(parts: Sequence[memoryview], written: int) -> list[memoryview]:
    rest = []
    for part in parts:
        if written < part.nbytes:
            rest.append(part[written:])
        written = max(0, written - part.nbytes)
    return rest


def parse_header(raw: bytes | bytearray, *, max_side: int) -> Header | None:
    """Read a header; None if it is not one that an honest decoder writes.

    Args:
        raw: `HEADER.size` bytes.
        max_side: longer side of a frame at most.
    """
    number, height, width, t, length = HEADER.unpack(raw)
    try:
        header = Header(RecordKind(number), height, width, t, length)
    except ValueError:
        return None
    if not 0.0 <= t < 1e9:
        return None
    if header.kind is RecordKind.FRAME:
        sane = 0 < height <= max_side and 0 < width <= max_side and length == height * width * 3
    elif header.kind is RecordKind.SOUND:
        sane = 0 < length <= SAMPLE_RATE * 4 and length % 4 == 0
    else:
        sane = 0 < length <= MAX_JSON_BYTES
    return header if sane else None
