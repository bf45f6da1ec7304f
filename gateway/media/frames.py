"""Sampling a film's frames: which are decoded, which are kept, and how they become pixels."""

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Literal

import av
import av.error
import av.video
import numpy as np
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from gateway.media.geometry import UPRIGHT, Orientation, scaled_size
from gateway.media.grid import Grid
from gateway.media.limits import MediaLimits
from gateway.media.options import DecodeOptions
from gateway.media.probe import OpenedMedia, check_frame_size

# H.264 and HEVC let a frame be shown at most 16 frames after one that is decoded later.
_REORDERING = 16
_TIMES_KEPT = 256
_BACKLOG_PACKETS = 2000
_BACKLOG_BYTES = 16 << 20
_SCALED_BEFORE_CONVERSION = frozenset({"yuv420p", "yuvj420p"})

_Skip = Literal["DEFAULT", "NONREF"]


class FrameSampler:
    """Takes the packets of a film's video stream and gives the frames that are wanted.

    Presentation times stand in the packets, so it is known before decoding which frames are wanted. A packet
    that is not, and that no other frame is built on, is skipped by the decoder; packets between the last
    wanted frame and a key frame never reach the decoder. The frames kept are the same as if every one had
    been decoded.
    """

    def __init__(self, opened: OpenedMedia, video: av.video.VideoStream, options: DecodeOptions) -> None:
        self._codec = video.codec_context
        self._time_base = float(video.time_base or 1)
        self._frame_seconds = 1.0 / ((opened.media.video and opened.media.video.fps) or 25.0)
        self._opened = opened
        self._origin = opened.origin
        self._begin, self._end = options.begin, options.end
        self._grid = Grid(options.begin, options.fps)
        # What is watched while it is filmed has no frames that are shown out of turn, and cannot wait.
        self._reordering = 0 if options.unended else _REORDERING
        self._waiting: deque[av.Packet[av.video.VideoStream]] = deque()
        self._times: list[float] = []
        self._backlog: list[av.Packet[av.video.VideoStream]] = []
        self._backlog_bytes = 0
        self._last_tick = -1
        self._shown_until = 0.0
        self._last_shown = self._last_ends = self._last_begins = -math.inf
        self._seen_until = 0.0
        self.damaged_packets = 0

    @property
    def seen_until(self) -> float:
        """Presentation time of the end of the last frame that there is, wanted or not, seconds."""
        claimed = self._opened.media.seconds
        if claimed is None or self._last_begins >= claimed:
            return self._seen_until
        # How long the last frame stands is often a guess.
        return min(self._seen_until, claimed)

    @property
    def finished(self) -> bool:
        """Whether all that is left lies beyond `end`."""
        if self._end is None or not self._waiting:
            return False
        newest = self._waiting[-1]
        # Nothing is shown before it is decoded.
        return newest.dts is not None and newest.dts * self._time_base - self._origin >= self._end

    def feed(self, packet: "av.Packet[av.video.VideoStream]") -> Iterator[av.VideoFrame]:
        """Take the next packet, give the wanted frames that became ready."""
        self._waiting.append(packet)
        t = self._packet_time(packet)
        if t is not None:
            insort(self._times, t)
            del self._times[:-_TIMES_KEPT]
            self._seen_until = max(self._seen_until, t + self._duration(packet.duration))
            self._last_begins = max(self._last_begins, t)
            self._remember_last(packet, t)
        if len(self._waiting) > self._reordering:
            yield from self._decide(self._waiting.popleft())

    def hold_last(self, claimed_end: float) -> None:
        """Count the last frame as shown for as long as its packet says, up to the claimed end (s)."""
        self._seen_until = max(self._seen_until, min(self._last_ends, claimed_end))

    def finish(self) -> Iterator[av.VideoFrame]:
        """Give the wanted frames that are left."""
        while self._waiting:
            yield from self._decide(self._waiting.popleft())
        if self._backlog and self._last_tick < 0:
            # Damaged times can hide every frame; what there is, is tried.
            yield from self._decode_backlog()
        yield from self._drain()

    def _decide(self, packet: "av.Packet[av.video.VideoStream]") -> Iterator[av.VideoFrame]:
        if packet.is_keyframe and self._backlog and not self._is_needed_before(packet):
            self._forget_backlog()
            yield from self._drain()
        if self._is_wanted(packet):
            yield from self._decode_backlog()
            yield from self._decode(packet, skip="DEFAULT")
            return
        self._backlog.append(packet)
        self._backlog_bytes += packet.size
        if len(self._backlog) > _BACKLOG_PACKETS or self._backlog_bytes > _BACKLOG_BYTES:
            yield from self._decode_backlog()

    def _packet_time(self, packet: "av.Packet[av.video.VideoStream]") -> float | None:
        return None if packet.pts is None else packet.pts * self._time_base - self._origin

    def _duration(self, ticks: int | None) -> float:
        seconds = (ticks or 0) * self._time_base
        return seconds if 0.0 < seconds < 10.0 else self._frame_seconds

    def _remember_last(self, packet: "av.Packet[av.video.VideoStream]", t: float) -> None:
        if t >= self._last_shown:
            stands = 0 if packet.is_corrupt else packet.duration or 0
            self._last_shown, self._last_ends = t, t + stands * self._time_base

    def _is_wanted(self, packet: "av.Packet[av.video.VideoStream]") -> bool:
        t = self._packet_time(packet)
        if t is None:
            return True
        if self._end is not None and t >= self._end:
            return False
        before = bisect_left(self._times, t) - 1
        tick = self._grid.tick(t)
        return tick >= 0 and (before < 0 or self._grid.tick(self._times[before]) < tick)

    def _is_needed_before(self, key: "av.Packet[av.video.VideoStream]") -> bool:
        """Tell whether a wanted frame is shown before this key frame but decoded after it (an open group)."""
        t = self._packet_time(key)
        return t is None or any(
            (time := self._packet_time(packet)) is None or (time < t and self._is_wanted(packet))
            for packet in self._waiting
        )

    def _forget_backlog(self) -> None:
        self._backlog.clear()
        self._backlog_bytes = 0

    def _decode_backlog(self) -> Iterator[av.VideoFrame]:
        backlog = self._backlog.copy()
        self._forget_backlog()
        for packet in backlog:
            yield from self._decode(packet, skip="NONREF")

    def _decode(self, packet: "av.Packet[av.video.VideoStream]", *, skip: _Skip) -> Iterator[av.VideoFrame]:
        # The decoder of AV1 takes this once and for all from the first packet.
        self._codec.skip_frame = skip if self._codec.is_open else "DEFAULT"
        try:
            frames = packet.decode()
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError):
            self.damaged_packets += 1
            return
        yield from self._wanted(frames)

    def _drain(self) -> Iterator[av.VideoFrame]:
        try:
            frames = self._codec.decode(None)
            self._codec.flush_buffers()
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError):
            return
        yield from self._wanted(frames)

    def _wanted(self, frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        for frame in frames:
            t = self.time_of(frame)
            self._shown_until = t + self._frame_seconds
            self._seen_until = max(self._seen_until, self._shown_until)
            self._last_begins = max(self._last_begins, t)
            tick = self._grid.tick(t)
            if tick <= self._last_tick or (self._end is not None and t >= self._end):
                continue
            self._last_tick = tick
            yield frame

    def time_of(self, frame: av.VideoFrame) -> float:
        """Give a frame's presentation time in seconds from the film's beginning."""
        stamp = frame.pts if frame.pts is not None else frame.dts
        if stamp is None:
            return self._shown_until
        return stamp * self._time_base - self._origin


class FramePainter:
    """Turns decoded frames into pixels: scaled, square, upright, RGB."""

    def __init__(self, limits: MediaLimits, longest: int) -> None:
        self._limits = limits
        self._longest = longest
        self._scaler = VideoReformatter()
        self._converter = VideoReformatter()
        self._orientations = OrientationReader()

    def paint(self, frame: av.VideoFrame, pixel_aspect: float) -> tuple[NDArray[np.uint8], Orientation]:
        """Give the pixels [h,w,3] and how they were turned.

        Args:
            frame: as it was decoded.
            pixel_aspect: width of a stored pixel divided by its height.

        Raises:
            Problem: `media-over-limit` where the film has grown since its header.
        """
        check_frame_size(frame.width, frame.height, self._limits)
        width, height = scaled_size(
            frame.width, frame.height, longest=self._longest, pixel_aspect=pixel_aspect
        )
        plane = self._rgb(frame, width, height).planes[0]
        rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(height, plane.line_size)
        pixels = rows[:, : width * 3].reshape(height, width, 3)
        orientation = self._orientations.of(frame)
        return orientation.apply(pixels), orientation

    def _rgb(self, frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
        if frame.format.name in _SCALED_BEFORE_CONVERSION and (width, height) != (frame.width, frame.height):
            # Less than half the time of both at once, for a difference of one or two levels in 256.
            frame = self._scaler.reformat(
                frame,
                width,
                height,
                frame.format.name,
                interpolation=Interpolation.AREA,
                src_color_range=frame.color_range,
                dst_color_range=frame.color_range,
                threads=1,
            )
        return self._converter.reformat(
            frame, width, height, "rgb24", interpolation=Interpolation.AREA, threads=1
        )


class OrientationReader:
    """Tells how the frames of one film are turned upright."""

    def __init__(self) -> None:
        self._turn: int | None = None
        self._orientation = UPRIGHT

    def of(self, frame: av.VideoFrame) -> Orientation:
        """Give the turn of a frame, from its display matrix."""
        # A frame that has once been asked for its side data stays in memory until the garbage collector comes
        # by, so the matrix is read once, and again only if the cheap rotation differs.
        if frame.rotation != self._turn:
            self._turn = frame.rotation
            matrix = _display_matrix(frame)
            self._orientation = UPRIGHT if matrix is None else Orientation.from_display_matrix(matrix)
        return self._orientation


def _display_matrix(frame: av.VideoFrame) -> bytes | None:
    everything: tuple[object, ...] = tuple(frame.side_data)
    for side_data in everything:
        if isinstance(side_data, SideData) and side_data.type == SideDataType.DISPLAYMATRIX:
            return bytes(side_data)
    return None
