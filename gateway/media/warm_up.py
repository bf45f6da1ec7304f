"""Running every part of the decoder once, on media made here, so that each child finds all of it loaded."""

import functools
import io
import math
from collections.abc import Sequence
from fractions import Fraction

import av
import av.audio

# Imported by their libraries only for a file that needs them, and a child can import nothing.
import av.subtitles.codeccontext
import av.subtitles.stream
import numpy as np
import PIL.ImagePalette
import PIL.TiffImagePlugin  # noqa: F401
from PIL import Image

from gateway.media.limits import MediaLimits
from gateway.media.options import DecodeOptions
from gateway.media.records import RecordWriter
from gateway.media.worker import report

_PICTURE_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")


# Most uploads that somebody waits for are pictures, or begin as one.
_REHEARSED_SIDE = 1024


class _Nowhere(RecordWriter):
    """Takes records and forgets them."""

    def __init__(self) -> None:
        super().__init__(-1)

    def _send(self, parts: Sequence[memoryview]) -> None:  # noqa: ARG002 - as its base
        return


def warm_up() -> None:
    """Decode a small picture of every kind, a film with sound, and a text."""
    av.logging.set_level(None)
    files = [_picture(name) for name in _PICTURE_FORMATS]
    files += [_film(), io.BytesIO(b"plain text"), io.BytesIO(_rehearsed())]
    for file in files:
        file.seek(0)
        report(file, _Nowhere(), MediaLimits(), DecodeOptions())


@functools.cache
def _rehearsed() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (_REHEARSED_SIDE, _REHEARSED_SIDE), (90, 120, 150)).save(file, "JPEG")
    return file.getvalue()


def rehearse() -> None:
    """Decode a picture of one megapixel, so that the memory for the next one is there.

    Pillow keeps the block of memory that it used last (`PILLOW_BLOCKS_MAX`).
    """
    report(io.BytesIO(_rehearsed()), _Nowhere(), MediaLimits(), DecodeOptions())


def _picture(name: str) -> io.BytesIO:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (1400, 32), (90, 120, 150))
    image.save(file, name, **({"exif": exif} if name in {"JPEG", "PNG", "WEBP"} else {}))
    return file


def _film() -> io.BytesIO:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        video = container.add_stream("mpeg4", rate=10, options={"threads": "1"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("aac", rate=48_000, layout="stereo")
        for number in range(4):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * number, np.uint8), format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, 10)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        wave = np.sin(np.arange(4096) * (2 * math.pi * 220 / 48_000)).astype(np.float32)
        for first in range(0, 4096, 1024):
            sound = av.AudioFrame.from_ndarray(
                np.stack([wave[first : first + 1024]] * 2), format="fltp", layout="stereo"
            )
            sound.sample_rate, sound.pts, sound.time_base = 48_000, first, Fraction(1, 48_000)
            container.mux(audio.encode(sound))
        container.mux(audio.encode(None))
    return file
