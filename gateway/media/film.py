"""Decoding a film or a sound from end to end: packets in, frames and sound out as they become ready."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import av
import av.audio
import av.error
import av.video
import numpy as np
from numpy.typing import NDArray

from gateway.media.channels import hold_layouts
from gateway.media.clock import JoinedClock
from gateway.media.frames import FramePainter, FrameSampler
from gateway.media.geometry import Orientation
from gateway.media.limits import MediaLimits
from gateway.media.options import DecodeOptions
from gateway.media.probe import OpenedMedia
from gateway.media.refusals import damaged, over_limit
from gateway.media.sound import SoundTrack
from shared.contracts.analyses import Notice
from shared.contracts.problems import Problem

# Sought where an index makes it exact; elsewhere what comes before `start` is read and left out.
_SEEKABLE = frozenset({"mp4", "mov", "m4a", "mkv", "webm"})
_WORTH_SEEKING_SECONDS = 5.0
# A decoder of sound needs some of what comes before to be right.
_SOUND_LEAD_SECONDS = 0.5
_USEFUL_SAMPLES = 800
# Their headers say how much of the last block of sound counts. The others' lengths count it all, and where
# one is a little too short, real sound lies beyond it: that of an AVI is often that of its pictures, and that
# of a browser's WebM was written in afterwards, by a clock on the wall.
_PADDING_IS_NOT_COUNTED = frozenset({"mov", "ogg"})


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame: presentation time in seconds, [h,w,3] RGB pixels, and how they were turned upright."""

    t: float
    pixels: NDArray[np.uint8]
    orientation: Orientation


@dataclass(frozen=True, slots=True)
class Sound:
    """A stretch of sound: presentation time in seconds, float32 mono samples at 16 kHz."""

    t: float
    samples: NDArray[np.float32]


class FilmDecoder:
    """Decodes one opened film or sound; `pieces` is to be read once, to its end.

    Args:
        opened: from `open_media`.
        limits: the length is held against them while decoding, for a header may lie.
        options: what is wanted.
    """

    def __init__(self, opened: OpenedMedia, limits: MediaLimits, options: DecodeOptions) -> None:
        self._opened = opened
        self._limits = limits
        self._options = options
        self._sampler = None if opened.video is None else FrameSampler(opened, opened.video, options)
        self._painter = FramePainter(limits, options.frame_side)
        self._track = None if opened.audio is None else _sound_track(opened, limits, options)
        self._clock = JoinedClock(None if options.unended else opened.form.demuxer)
        self._left_out_until = 0.0
        self._frames = 0
        self._damaged_packets = 0
        self._broke_off = False

    def pieces(self) -> Iterator[Frame | Sound]:
        """Give frames and sound until the end.

        Raises:
            Problem: `media-over-limit` for what goes on too long, `damaged-media` where nothing can be
                decoded.
        """
        for packet in self._packets():
            self._join(packet)
            yield from self._take(packet)
            self._check_length()
            if self._is_past_end():
                break
        else:
            self._hold_last_frame()
        if self._sampler is not None:
            yield from self._paint(self._sampler.finish())
        yield from self._finish_sound()
        self._check_usefulness()

    @property
    def seconds(self) -> float:
        """Presentation time at which the last frame or sound that was seen ends, seconds."""
        ends = [part.seen_until for part in (self._sampler, self._track) if part is not None]
        seen = max([self._left_out_until, *ends])
        return seen if self._options.end is None else min(seen, self._options.end)

    def notices(self) -> tuple[Notice, ...]:
        """Say what the reader of the analysis should know about the media."""
        notices = []
        claimed, seen = self._opened.claimed_end, self.seconds
        whole = (
            claimed is None or self._options.end is not None or seen >= claimed - max(0.15, 0.02 * claimed)
        )
        if self._broke_off or not whole:
            of = "" if claimed is None else f" of {claimed:.2f}"
            message = f"The file breaks off after {seen:.2f}{of} seconds; what there is was analysed."
            notices.append(Notice(code="truncated", message=message))
        if damaged_packets := self._all_damaged_packets:
            parts, were = ("part", "was") if damaged_packets == 1 else ("parts", "were")
            message = f"{damaged_packets} {parts} of the file could not be decoded and {were} left out."
            notices.append(Notice(code="damaged-parts", message=message))
        if self._track is not None and self._track.repaired:
            message = "Some sound samples were no numbers; they were replaced by silence."
            notices.append(Notice(code="repaired-sound", message=message))
        if self._sampler is not None and self._frames == 0:
            notices.append(Notice(code="no-frames", message="No frame of the film could be decoded."))
        if self._track is not None and self._track.samples == 0:
            notices.append(Notice(code="no-sound", message="No sound could be decoded from the sound track."))
        return tuple(notices)

    @property
    def _all_damaged_packets(self) -> int:
        return self._damaged_packets + (self._sampler.damaged_packets if self._sampler else 0)

    def _take(self, packet: "av.Packet[Any]") -> Iterator[Frame | Sound]:
        if packet.stream is self._opened.video and self._sampler is not None:
            yield from self._paint(self._sampler.feed(packet))
        elif packet.stream is self._opened.audio and self._track is not None:
            yield from self._listen(packet)

    def _packets(self) -> "Iterator[av.Packet[Any]]":
        wanted = [stream for stream in (self._opened.video, self._opened.audio) if stream is not None]
        if not wanted:
            return
        sought = self._seek()
        packets = self._opened.container.demux(*wanted)
        while True:
            try:
                packet = next(packets, None)
            except MemoryError:
                raise
            except IndexError:
                # After the last packet PyAV stumbles over tracks that appeared on the way (MPEG-TS).
                return
            except (av.error.FFmpegError, ValueError, OverflowError):
                self._broke_off = True
                return
            if packet is None:
                return
            if sought and self._is_after_begin(packet):
                # The index led too far: everything is read instead.
                self._rewind()
                packets = self._opened.container.demux(*wanted)
            elif packet.size:
                # The last packets are empty: they would end the decoder before its waiting packets are in.
                yield packet
            sought = False

    def _join(self, packet: "av.Packet[Any]") -> None:
        jumped = self._clock.jumped
        self._clock.join(packet)
        if self._clock.jumped and not jumped:
            self._opened.forget_length()
            if self._track is not None:
                self._track.forget_length()

    def _seek(self) -> bool:
        if self._options.begin < _WORTH_SEEKING_SECONDS or self._opened.form.name not in _SEEKABLE:
            return False
        try:
            self._opened.container.seek(int((self._opened.origin + self._options.begin) * av.time_base))
        except (av.error.FFmpegError, OverflowError):
            # A recorder's file without an index: what comes before is read and left out.
            return False
        return True

    def _rewind(self) -> None:
        try:
            self._opened.container.seek(0)
        except (av.error.FFmpegError, OverflowError):
            self._broke_off = True

    def _is_after_begin(self, packet: "av.Packet[Any]") -> bool:
        return self._time_of(packet, packet.pts) > self._options.begin

    def _time_of(self, packet: "av.Packet[Any]", stamp: int | None) -> float:
        """Give a packet's time in seconds from the film's beginning; zero where it has none."""
        if stamp is None or packet.time_base is None:
            return 0.0
        return float(stamp * packet.time_base) - self._opened.origin

    def _paint(self, frames: Iterator[av.VideoFrame]) -> Iterator[Frame]:
        if self._sampler is None or self._opened.video is None:
            return
        aspect = self._opened.video.sample_aspect_ratio
        for frame in frames:
            try:
                pixels, orientation = self._painter.paint(frame, float(aspect) if aspect else 1.0)
            except (av.error.FFmpegError, ValueError) as error:
                if isinstance(error, MemoryError):
                    raise
                self._damaged_packets += 1
                continue
            self._frames += 1
            yield Frame(round(max(0.0, self._sampler.time_of(frame)), 4), pixels, orientation)

    def _listen(self, packet: "av.Packet[Any]") -> Iterator[Sound]:
        if packet.pts is not None:
            ends = self._time_of(packet, packet.pts + (packet.duration or 0))
            if ends < self._options.begin - _SOUND_LEAD_SECONDS:
                self._left_out_until = max(self._left_out_until, ends)
                return
        try:
            frames = hold_layouts(packet.decode())
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError):
            self._damaged_packets += 1
            return
        yield from self._hear(frames)

    def _hear(self, frames: Iterable[object]) -> Iterator[Sound]:
        if self._track is None:
            return
        for frame in frames:
            if not isinstance(frame, av.AudioFrame) or not frame.samples or not frame.sample_rate:
                continue
            try:
                for t, samples in self._track.feed(frame):
                    yield Sound(t, samples)
            except (av.error.FFmpegError, ValueError) as error:
                if isinstance(error, MemoryError):
                    raise
                self._damaged_packets += 1

    def _finish_sound(self) -> Iterator[Sound]:
        if self._opened.audio is None or self._track is None:
            return
        try:
            rest = hold_layouts(self._opened.audio.codec_context.decode(None))
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError):
            rest = []
        yield from self._hear(rest)
        for t, samples in self._track.finish():
            yield Sound(t, samples)

    def _is_past_end(self) -> bool:
        parts = [part for part in (self._sampler, self._track) if part is not None]
        return all(part.finished for part in parts)

    def _hold_last_frame(self) -> None:
        claimed_end = self._opened.claimed_end
        if self._sampler is not None and claimed_end is not None and not self._broke_off:
            self._sampler.hold_last(claimed_end)
            self._check_length()

    def _check_length(self) -> None:
        length = self.seconds - self._options.begin
        if length > self._limits.max_seconds:
            raise over_limit(
                "max_seconds", "The length in seconds", round(length, 3), self._limits.max_seconds
            )

    def _check_usefulness(self) -> None:
        wanted = self._sampler is not None or self._track is not None
        whole = not self._broke_off and not self._all_damaged_packets
        samples = 0 if self._track is None else self._track.samples
        if not wanted or self._frames or samples >= (1 if whole else _USEFUL_SAMPLES):
            return
        begin, end = self._options.begin, self._options.end
        if self.seconds > 0 and begin >= self.seconds:
            detail = f"`start` is {begin:g} s, but the media ends at {self.seconds:.3f} s."
            raise Problem("bad-parameter", detail, field="start")
        if whole and end is not None:
            detail = f"Nothing begins to be shown or heard from {begin:g} to {end:g} s."
            raise Problem("bad-parameter", detail, remedy="Ask for a longer part.", field="end")
        if whole and self.seconds > begin > 0.0:
            detail = f"Nothing begins to be shown or heard after {begin:g} s."
            raise Problem("bad-parameter", detail, remedy="Ask for a longer part.", field="start")
        raise damaged(f"Nothing in the {self._opened.form.spoken} file could be decoded.")


def _sound_track(opened: OpenedMedia, limits: MediaLimits, options: DecodeOptions) -> SoundTrack:
    codec = "" if opened.media.audio is None else opened.media.audio.codec
    return SoundTrack(
        limits,
        options,
        origin=opened.origin,
        exact=codec.startswith("pcm_f"),
        every_channel=codec.startswith("pcm_"),
        claimed_end=opened.media.seconds if opened.form.demuxer in _PADDING_IS_NOT_COUNTED else None,
    )
