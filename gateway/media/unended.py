"""Decoding what has not ended yet: a recorder's bytes, or packets with pictures and sound, from a pipe."""

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO, cast

import av
import numpy as np
from numpy.typing import NDArray

from gateway.media.limits import MediaLimits
from gateway.media.options import DecodeOptions
from gateway.media.pictures import Picture, strips
from gateway.media.records import RecordKind, RecordWriter
from gateway.media.refusals import damaged, unsupported
from gateway.media.signatures import JPEG, Container, identify
from gateway.media.sound import SoundTrack
from gateway.media.unended_packets import PACKET, PICTURE_PACKET
from shared.contracts.media import AudioStream, Media, MediaKind

_DEMUXERS = frozenset({"matroska", "mov"})
# Enough to tell every container by.
_HEAD_BYTES = 1024


def open_unended(pipe: BinaryIO) -> tuple[BinaryIO, Container]:
    """Wait for the first bytes; give a file to read everything from, once, and what it is.

    Raises:
        Problem: `empty-upload`, or `unsupported-media` for what cannot be read before it has ended.
    """
    head = b""
    while len(head) < _HEAD_BYTES and (piece := pipe.read(_HEAD_BYTES)):
        head += piece
    container = identify(io.BytesIO(head))
    if container.demuxer not in _DEMUXERS:
        problem = unsupported(f"a stream of {container.spoken}")
        problem.remedy = "Stream WebM or fragmented MP4, or send pictures and sound as packets."
        raise problem
    return cast("BinaryIO", _HeadFirst(head, pipe)), container


class _HeadFirst:
    """A file that cannot be rewound: what was read already, then the pipe as far as it has come."""

    def __init__(self, head: bytes, pipe: BinaryIO) -> None:
        self._head = head
        self._pipe = pipe

    def read(self, size: int) -> bytes:
        piece, self._head = self._head[:size], self._head[size:]
        return piece or self._pipe.read(size)


class PacketDecoder:
    """Turns packets into records until the pipe ends.

    Args:
        pipe: packets, each behind a `PACKET`.
        writer: takes frames and sound.
        limits: for each picture.
        options: what is wanted.
    """

    def __init__(
        self, pipe: BinaryIO, writer: RecordWriter, limits: MediaLimits, options: DecodeOptions
    ) -> None:
        self._pipe = pipe
        self._writer = writer
        self._limits = limits
        self._options = options
        self._track = SoundTrack(limits, options, origin=0.0)
        self._until = 0.0
        self.media = Media(
            kind=MediaKind.FILM,
            container="packets",
            audio=AudioStream(codec="pcm_s16le", rate=options.sound_rate, channels=1),
        )

    @property
    def seconds(self) -> float:
        """Time at which the last picture or sound ends."""
        return max(self._until, self._track.seen_until)

    def run(self) -> None:
        """Decode to the end.

        Raises:
            Problem: `damaged-media` or `media-over-limit` for a picture that cannot be read.
        """
        self._writer.document(RecordKind.PROBED, self.media)
        for kind, t, body in self._packets():
            if kind == PICTURE_PACKET:
                self._until = max(self._until, t)
                self._show(t, body)
            else:
                self._hear(t, body)
        self._write_sound(self._track.finish())

    def _packets(self) -> Iterator[tuple[int, float, bytes]]:
        while header := self._read(PACKET.size):
            length, kind, t = PACKET.unpack(header)
            yield kind, t, self._read(length)

    def _read(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length and (piece := self._pipe.read(length - len(data))):
            data += piece
        if data and len(data) < length:
            raise damaged("The stream ends inside a packet.")
        return bytes(data)

    def _show(self, t: float, body: bytes) -> None:
        if not body.startswith(b"\xff\xd8\xff"):
            raise damaged("A packet that should hold a JPEG picture holds something else.")
        image = Picture(io.BytesIO(body), JPEG, self._limits).upright(self._options.frame_side)
        self._writer.frame_in_strips(t, image.height, image.width, strips(image))

    def _hear(self, t: float, body: bytes) -> None:
        samples = np.frombuffer(body, "<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.time_base = self._options.sound_rate, Fraction(1, self._options.sound_rate)
        frame.pts = round(t * self._options.sound_rate)
        self._write_sound(self._track.feed(frame))

    def _write_sound(self, chunks: Iterator[tuple[float, NDArray[np.float32]]]) -> None:
        for t, samples in chunks:
            self._writer.sound(t, samples.data)
