"""A film with faces and timeline drawn in, its sound kept as it is.

The film has been analysed before, so the shut-in decoder has read it once; here it is decoded in this process
by the libraries of a player, with the rights of whoever plays it.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray
from PIL import Image

from cli.overlay import FaceTracks, TimelineStrip, draw_faces
from gateway.media.channels import can_be_mixed, count_channels, hold_layouts, mixed
from gateway.media.clock import JoinedClock
from gateway.media.frames import OrientationReader
from gateway.media.origin import first_start, origin_of
from gateway.media.probe import choose_audio, choose_video
from gateway.media.refusals import damaged
from gateway.media.signatures import identify
from shared.contracts.analyses import Analysis
from shared.mixing import Mixer

Drawn = Callable[[float], None]
"""Is told the seconds that have been drawn."""

_H264 = ("libx264", {"crf": "20", "preset": "veryfast"})
_VP9 = ("libvpx-vp9", {"crf": "32", "b": "0", "deadline": "realtime", "cpu-used": "8", "row-mt": "1"})
_SWAPPED = frozenset({90, 270})
# Matrices of colour (ITU-T H.273) that are kept: BT.709, BT.601 twice, BT.2020. Others become BT.601.
_MATRICES = frozenset({1, 5, 6, 9})
# For each suffix: the encoder of the pictures, sound that is copied, and the encoder of other sound.
CONTAINERS: dict[str, tuple[tuple[str, dict[str, str]], frozenset[str], str]] = {
    ".mp4": (_H264, frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"}), "aac"),
    ".m4v": (_H264, frozenset({"aac", "ac3", "alac"}), "aac"),
    ".mov": (_H264, frozenset({"aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s24le"}), "aac"),
    ".mkv": (
        _H264,
        frozenset({"aac", "mp3", "ac3", "eac3", "opus", "vorbis", "flac", "mp2", "pcm_s16le"}),
        "aac",
    ),
    ".webm": (_VP9, frozenset({"opus", "vorbis"}), "libopus"),
}


class StoppedError(Exception):
    """Drawing was stopped from outside."""


def annotate_film(film: Path, analysis: Analysis, out: Path, *, drawn: Drawn, stop: threading.Event) -> None:
    """Write the film with everything drawn in, as long as it was, with all its sound.

    Args:
        film: what was analysed.
        analysis: with frames and moments.
        out: to be written; its suffix is one of `CONTAINERS`.
        drawn: told about progress.
        stop: set from another thread to stop.

    Raises:
        StoppedError: `stop` was set.
        OSError, av.FFmpegError, Problem: it cannot be read or written.
    """
    with film.open("rb") as file:
        form = identify(file)
    # A whole path: FFmpeg would take what stands before a colon for a protocol.
    with (
        av.open(str(film.absolute()), format=form.demuxer) as source,
        av.open(str(out.absolute()), "w") as target,
    ):
        video, heard = choose_video(source, form), choose_audio(source)
        if video is None:
            raise damaged(f"The {form.spoken} file holds no pictures that can be decoded.")
        origin = origin_of(form.name, first_start(video, heard))
        pictures = _Pictures(video, target, analysis, origin, out.suffix.lower())
        # What cannot be decoded cannot be named in the new file either.
        sounds = [stream for stream in source.streams.audio if stream.codec_context is not None]
        tracks = {stream.index: _sound(stream, target, origin, out.suffix.lower()) for stream in sounds}
        clock = JoinedClock(form.demuxer)
        for packet in source.demux([video, *sounds]):
            if stop.is_set():
                raise StoppedError
            clock.join(packet)
            if packet.stream is video:
                for seconds in pictures.take(packet):
                    drawn(seconds)
            else:
                tracks[packet.stream.index](packet)
        pictures.finish()


def _cut_off(stream: Any, origin: float) -> int:
    """Give what is taken from a stream's times, in its ticks: a part of a longer one begins at zero."""
    ticks: int = round(max(0.0, origin) / stream.time_base)
    return ticks


class _Pictures:
    """Decodes, draws and encodes."""

    def __init__(self, stream: Any, target: Any, analysis: Analysis, origin: float, suffix: str) -> None:
        self._stream = stream
        stream.thread_type = "AUTO"
        self._target = target
        self._origin = origin
        self._cut_off = _cut_off(stream, origin)
        self._orientations = OrientationReader()
        self._faces = FaceTracks(analysis)
        self._last: int | None = None
        rate = stream.average_rate or Fraction(25)
        self._frame_ticks: int = max(1, round(1 / (rate * stream.time_base)))
        self._stored = width, height = stream.width, stream.height
        aspect = stream.sample_aspect_ratio or Fraction(1)
        if analysis.media.video is not None and analysis.media.video.rotation in _SWAPPED:
            width, height, aspect = height, width, 1 / aspect
        # 4:2:0 has no half pixels of colour.
        self._size = (width - width % 2 or 2, height - height % 2 or 2)
        self._strip = TimelineStrip(analysis, self._size)
        (codec, options), _, _ = CONTAINERS[suffix]
        self._out = target.add_stream(codec, rate=rate, options=options)
        self._out.width, self._out.height = self._size
        self._out.pix_fmt = "yuv420p"
        self._out.codec_context.sample_aspect_ratio = aspect
        self._out.codec_context.time_base = stream.time_base
        self._matrix: int | None = stream.codec_context.colorspace
        if self._matrix in _MATRICES:
            for tag in ("colorspace", "color_primaries", "color_trc"):
                setattr(self._out.codec_context, tag, getattr(stream.codec_context, tag))
        else:
            self._matrix = None

    def take(self, packet: Any) -> Iterator[float]:
        """Draw what a packet holds; give the seconds reached."""
        frames: list[Any] = []
        # As a player does: what cannot be decoded is left out.
        with contextlib.suppress(av.error.InvalidDataError):
            frames = packet.decode()
        for frame in frames:
            self._last = self._time_of(frame)
            seconds = float(self._last * self._stream.time_base) - self._origin
            drawn = av.VideoFrame.from_ndarray(self._draw(frame, seconds), format="rgb24").reformat(
                format="yuv420p", dst_colorspace=self._matrix
            )
            drawn.pts, drawn.time_base = self._last - self._cut_off, self._stream.time_base
            self._target.mux(self._out.encode(drawn))
            yield seconds

    def _time_of(self, frame: Any) -> int:
        """Give its time in ticks; where it has none, or one that falls, as in AVI, the next that is free."""
        time: int | None = frame.dts if frame.pts is None else frame.pts
        if self._last is None:
            return time or 0
        if time is None or time < self._last:
            return self._last + self._frame_ticks
        return max(time, self._last + 1)

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._target.mux(self._out.encode(None))

    def _draw(self, frame: Any, seconds: float) -> NDArray[np.uint8]:
        width, height = self._stored
        pixels = frame.to_ndarray(format="rgb24", width=width, height=height)
        upright = Image.fromarray(self._orientations.of(frame).apply(pixels))
        image = upright.crop((0, 0, *self._size))
        draw_faces(image, self._faces.at(seconds))
        self._strip.draw(image, seconds)
        return np.asarray(image)


def _sound(stream: Any, target: Any, origin: float, suffix: str) -> Callable[[Any], None]:
    """Give what takes the packets of a sound track: copied where the container can hold it, else encoded."""
    _, copied, encoder = CONTAINERS[suffix]
    name = stream.codec_context.name
    cut_off = _cut_off(stream, origin)
    if name in copied or name.removesuffix("float") in copied:
        out = target.add_stream_from_template(stream)

        def copy(packet: Any) -> None:
            if packet.dts is not None:
                packet.dts -= cut_off
                packet.pts = None if packet.pts is None else packet.pts - cut_off
                packet.stream = out
                target.mux(packet)

        return copy
    return _encoded(stream, target, cut_off, encoder)


def _encoded(stream: Any, target: Any, cut_off: int, encoder: str) -> Callable[[Any], None]:
    rate = 48_000 if encoder == "libopus" else stream.rate
    layout = "mono" if count_channels(stream) == 1 else "stereo"
    out = target.add_stream(encoder, rate=rate, layout=layout)
    resampler = AudioResampler(
        format=out.format, layout=out.layout, rate=rate, frame_size=out.frame_size or 1024
    )
    mixer: Mixer | None = None
    begun = False

    def encode(packet: Any) -> None:
        nonlocal begun, mixer
        frames: list[Any] = []
        with contextlib.suppress(av.error.InvalidDataError):
            frames = hold_layouts(packet.decode())
        if frames and not begun:
            begun, mixer = True, None if can_be_mixed(frames[0]) else Mixer(frames[0].sample_rate)
        if mixer is not None:
            frames = [mixed(frame, mixer) for frame in frames]
        # The last packet is empty: it flushes the decoder, and then all that follows it.
        ends = packet.dts is None and packet.size == 0
        for frame in frames:
            if frame.pts is not None:
                frame.pts -= round(cut_off * stream.time_base / frame.time_base)
        for frame in [*frames, *([None] if ends else [])]:
            for part in resampler.resample(frame):
                target.mux(out.encode(part))
        if ends:
            target.mux(out.encode(None))

    return encode
