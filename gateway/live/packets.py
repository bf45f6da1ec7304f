"""Packets of pictures and sound as a client sends them, checked before anything looks into them."""

import math
import struct
from dataclasses import dataclass

from gateway.media.grid import Grid
from gateway.media.unended_packets import PACKET, PICTURE_PACKET, SOUND_PACKET
from shared.contracts.live import LiveOpen
from shared.contracts.media import Modality
from shared.contracts.problems import Problem

HEADER = struct.Struct(">B7sd")
"""What it is, seven zeros, and its time in seconds."""

_ZEROS = bytes(7)
_SOUND_SECONDS = 2.0
_SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class Packet:
    """A picture or a stretch of sound.

    Args:
        kind: `PICTURE_PACKET` or `SOUND_PACKET`.
        t: seconds since the stream's beginning.
        body: a JPEG, or 16-bit samples, little-endian, mono.
    """

    kind: int
    t: float
    body: bytes

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture."""
        return self.kind == PICTURE_PACKET

    def for_decoder(self) -> bytes:
        """Give it as the decoding process reads it."""
        return PACKET.pack(len(self.body), self.kind, self.t) + self.body


class PacketReader:
    """Takes the messages of one stream apart.

    Args:
        options: what the client wants.
    """

    def __init__(self, options: LiveOpen) -> None:
        self._rate = options.sound_rate
        self._last = {PICTURE_PACKET: -1.0, SOUND_PACKET: -1.0}

    def read(self, message: bytes) -> Packet:
        """Read one message.

        Raises:
            Problem: `damaged-media` for what is no packet, `wrong-order` for a time that does not rise.
        """
        if len(message) <= HEADER.size:
            raise _damaged(
                f"A packet has a header of {HEADER.size} bytes and a body; this has {len(message)}."
            )
        kind, zeros, t = HEADER.unpack_from(message)
        if kind not in self._last or zeros != _ZEROS:
            raise _damaged("A packet begins with 1 (picture) or 2 (sound), and seven zeros.")
        if not (math.isfinite(t) and 0.0 <= t < 1e6):
            raise _damaged("A packet's time must be a number of seconds from 0.")
        if t <= self._last[kind]:
            what = "picture" if kind == PICTURE_PACKET else "sound"
            raise Problem(
                "wrong-order", f"A {what} of {t:.3f} s comes after one of {self._last[kind]:.3f} s."
            )
        self._last[kind] = t
        body = message[HEADER.size :]
        if kind == SOUND_PACKET:
            self._check_sound(body)
        return Packet(kind, t, body)

    def _check_sound(self, body: bytes) -> None:
        if len(body) % _SAMPLE_BYTES:
            raise _damaged("A sound packet must hold whole samples of 16 bits.")
        seconds = len(body) / _SAMPLE_BYTES / self._rate
        if seconds > _SOUND_SECONDS:
            raise _damaged(f"A sound packet holds {seconds:.1f} s; at most {_SOUND_SECONDS:g} s are allowed.")


class Pace:
    """Tells which pictures are wanted: the first at or after each moment `k / fps`.

    Args:
        options: what the client wants.
    """

    def __init__(self, options: LiveOpen) -> None:
        self._grid = Grid(0.0, options.fps)
        self._last = -1

    def wants(self, t: float) -> bool:
        """Tell for the next picture, taken at `t` seconds."""
        tick = self._grid.tick(t)
        if tick <= self._last:
            return False
        self._last = tick
        return True


def wants(options: LiveOpen, packet: Packet) -> bool:
    """Tell whether a packet's modality was asked for."""
    return (Modality.FACE if packet.is_picture else Modality.SPEECH) in options.modalities


def _damaged(detail: str) -> Problem:
    return Problem("damaged-media", detail, remedy="See docs/live.md for how a packet is made.")
