"""The clock of formats in which it may start again: what comes after follows on what was there."""

import math
from dataclasses import dataclass
from typing import Any

import av

# What players take for one and the same clock.
_BACK_SECONDS = 1.0
_AHEAD_SECONDS = 10.0
# The length of a packet that does not say.
_PACKET_SECONDS = 0.04
_LONGEST_PACKET_SECONDS = 10.0
_FARTHEST_STAMP = 1 << 62

_STARTS_AGAIN = frozenset({"mpegts", "ogg"})
# Ogg tells by its clock how long nothing is heard.
_LEAPS_AHEAD = frozenset({"mpegts"})


def may_start_again(demuxer: str | None) -> bool:
    """Tell whether the clock may start again in what FFmpeg's demuxer of this name reads."""
    return demuxer in _STARTS_AGAIN


@dataclass(slots=True)
class _Stream:
    """How far one stream has come, in its stretch and in the one before, seconds."""

    shift: float
    last: float
    shift_before: float
    last_before: float


class JoinedClock:
    """Moves the times of packets so that each stretch of a film or sound follows on the one before it.

    A stretch begins where the times of a stream step back by more than a second or, in MPEG-TS, leap ahead
    by more than ten. The other streams stay in their old stretch until they leap, too; then they take the
    shift of the newest stretch where their times go on with it, so that pictures and sound stay together. A
    single wrong time costs nothing more: what comes after it goes back to the shift before.

    Args:
        demuxer: FFmpeg's name of what reads the file.
    """

    def __init__(self, demuxer: str | None) -> None:
        self._starts_again = may_start_again(demuxer)
        self._ahead = _AHEAD_SECONDS if demuxer in _LEAPS_AHEAD else math.inf
        self._streams: dict[int, _Stream] = {}
        self._newest_shift = 0.0
        self._end = -math.inf
        self.jumped = False
        """Whether the clock has started again."""

    def join(self, packet: "av.Packet[Any]") -> None:
        """Move the times of the next packet; packets are to come in the file's order, each once."""
        # Only the times of decoding go up from packet to packet.
        stamp = packet.pts if packet.dts is None else packet.dts
        if not self._starts_again or stamp is None or not packet.time_base:
            return
        tick = float(packet.time_base)
        decoded, shown = stamp * tick, (stamp if packet.pts is None else packet.pts) * tick
        shift = self._place(packet.stream_index, decoded, shown)
        self._end = max(self._end, shown + shift + _length_of(packet, tick))
        if shift:
            moved_by = round(shift / tick)
            packet.pts, packet.dts = _moved(packet.pts, moved_by), _moved(packet.dts, moved_by)

    def _place(self, index: int, decoded: float, shown: float) -> float:
        """Give by how much a packet's times are moved, seconds."""
        stream = self._streams.get(index)
        if stream is None:
            shift = self._first_shift(decoded)
            self._streams[index] = _Stream(shift, decoded + shift, shift, math.inf)
            return shift
        shift = self._shift(stream, decoded, shown)
        if shift != stream.shift:
            stream.shift_before, stream.last_before = stream.shift, stream.last
            stream.shift = shift
            self._newest_shift, self.jumped = shift, True
        stream.last = decoded + shift
        return shift

    def _first_shift(self, decoded: float) -> float:
        """Give the shift of a stream's first packet: it may come late, when the clock has started again."""
        return min((self._newest_shift, 0.0), key=lambda shift: abs(decoded + shift - self._end))

    def _shift(self, stream: _Stream, decoded: float, shown: float) -> float:
        own, newest = decoded + stream.shift, decoded + self._newest_shift
        stays = self._goes_on(stream, own)
        is_nearer = own < stream.last or abs(newest - stream.last) < own - stream.last
        if self._goes_on(stream, newest) and (is_nearer or not stays):
            return self._newest_shift
        if stays:
            return stream.shift
        before = decoded + stream.shift_before
        if before > stream.last_before and self._goes_on(stream, before):
            return stream.shift_before
        return self._end - shown

    def _goes_on(self, stream: _Stream, moved: float) -> bool:
        # Where the others went on meanwhile, it is a hole in this stream.
        return stream.last - _BACK_SECONDS <= moved <= max(self._end, stream.last) + self._ahead


def _length_of(packet: "av.Packet[Any]", tick: float) -> float:
    seconds = (packet.duration or 0) * tick
    return seconds if 0.0 < seconds < _LONGEST_PACKET_SECONDS else _PACKET_SECONDS


def _moved(stamp: int | None, moved_by: int) -> int | None:
    # What no longer fits into FFmpeg's number was no time.
    return None if stamp is None or abs(stamp + moved_by) > _FARTHEST_STAMP else stamp + moved_by
