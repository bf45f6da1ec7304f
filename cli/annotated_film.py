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
from PIL import Image

from cli.overlay import FaceTracks, TimelineStrip, draw_faces
from shared.contracts.analyses import Analysis

Drawn = Callable[[float], None]
"""Is told the seconds that have been drawn."""

_H264 = ("libx264", {"crf": "20", "preset": "veryfast"})
_VP9 = ("libvpx-vp9", {"crf": "32", "b": "0", "deadline": "realtime", "cpu-used": "8", "row-mt": "1"})
_TURNS = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}
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
        OSError, av.FFmpegError: it cannot be read or written.
    """
    with av.open(str(film)) as source, av.open(str(out), "w") as target:
        pictures = _Pictures(source, target, analysis, out.suffix.lower())
        tracks = {stream.index: _sound(stream, target, out.suffix.lower()) for stream in source.streams.audio}
        for packet in source.demux([pictures.stream, *source.streams.audio]):
            if stop.is_set():
                raise StoppedError
            if packet.stream is pictures.stream:
                for seconds in pictures.take(packet):
                    drawn(seconds)
            else:
                tracks[packet.stream.index](packet)
        pictures.finish()


class _Pictures:
    """Decodes, draws and encodes."""

    def __init__(self, source: Any, target: Any, analysis: Analysis, suffix: str) -> None:
        self.stream = source.streams.best("video")
        self.stream.thread_type = "AUTO"
        self._target = target
        self._turn = _TURNS.get(analysis.media.video.rotation if analysis.media.video else 0)
        self._faces = FaceTracks(analysis)
        self._last: int | None = None
        width, height = self.stream.width, self.stream.height
        aspect = self.stream.sample_aspect_ratio or Fraction(1)
        if self._turn in {Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270}:
            width, height, aspect = height, width, 1 / aspect
        # 4:2:0 has no half pixels of colour.
        self._size = (width - width % 2 or 2, height - height % 2 or 2)
        self._strip = TimelineStrip(analysis, self._size)
        (codec, options), _, _ = CONTAINERS[suffix]
        self._out = target.add_stream(codec, rate=self.stream.average_rate or 25, options=options)
        self._out.width, self._out.height = self._size
        self._out.pix_fmt = "yuv420p"
        self._out.codec_context.sample_aspect_ratio = aspect
        self._out.codec_context.time_base = self.stream.time_base

    def take(self, packet: Any) -> Iterator[float]:
        """Draw what a packet holds; give the seconds reached."""
        frames: list[Any] = []
        # As a player does: what cannot be decoded is left out.
        with contextlib.suppress(av.error.InvalidDataError):
            frames = packet.decode()
        for frame in frames:
            if frame.pts is None or (self._last is not None and frame.pts <= self._last):
                continue
            self._last = frame.pts
            seconds = float(frame.pts * self.stream.time_base)
            image = self._draw(frame.to_image(), seconds)
            drawn = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            drawn.pts, drawn.time_base = frame.pts, self.stream.time_base
            self._target.mux(self._out.encode(drawn))
            yield seconds

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._target.mux(self._out.encode(None))

    def _draw(self, image: Image.Image, seconds: float) -> Image.Image:
        if self._turn is not None:
            image = image.transpose(self._turn)
        image = image.crop((0, 0, *self._size))
        draw_faces(image, self._faces.at(seconds))
        self._strip.draw(image, seconds)
        return image


def _sound(stream: Any, target: Any, suffix: str) -> Callable[[Any], None]:
    """Give what takes the packets of a sound track: copied where the container can hold it, else encoded."""
    _, copied, encoder = CONTAINERS[suffix]
    name = stream.codec_context.name
    if name in copied or name.removesuffix("float") in copied:
        out = target.add_stream_from_template(stream)

        def copy(packet: Any) -> None:
            if packet.dts is not None:
                packet.stream = out
                target.mux(packet)

        return copy
    return _encoded(stream, target, encoder)


def _encoded(stream: Any, target: Any, encoder: str) -> Callable[[Any], None]:
    rate = 48_000 if encoder == "libopus" else stream.rate
    layout = "mono" if stream.channels == 1 else "stereo"
    out = target.add_stream(encoder, rate=rate, layout=layout)
    resampler = AudioResampler(
        format=out.format, layout=out.layout, rate=rate, frame_size=out.frame_size or 1024
    )

    def encode(packet: Any) -> None:
        frames: list[Any] = []
        with contextlib.suppress(av.error.InvalidDataError):
            frames = packet.decode()
        # The last packet is empty: it flushes the decoder, and then all that follows it.
        ends = packet.dts is None and packet.size == 0
        for frame in [*frames, *([None] if ends else [])]:
            for part in resampler.resample(frame):
                target.mux(out.encode(part))
        if ends:
            target.mux(out.encode(None))

    return encode
