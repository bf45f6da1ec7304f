"""Pictures: one frame from a JPEG, PNG, WebP, BMP or GIF file.

Pillow decodes them, inside the decoding process: it knows palettes, transparency, 16-bit samples, CMYK and
EXIF, and it decodes a large JPEG at a half, a quarter or an eighth of its size for a fraction of the time.
"""

import struct
import warnings
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
from PIL import BmpImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from gateway.media.geometry import UPRIGHT, Orientation, scaled_size
from gateway.media.limits import MediaLimits
from gateway.media.refusals import damaged, over_limit
from gateway.media.signatures import Container
from shared.contracts.media import Media, MediaKind, VideoStream

_READERS: dict[str, Callable[[BinaryIO], Image.Image]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "gif": GifImagePlugin.GifImageFile,
}
_EXIF_ORIENTATION = 0x0112
_TURNS = {
    UPRIGHT: None,
    Orientation(mirror_x=True): Image.Transpose.FLIP_LEFT_RIGHT,
    Orientation(mirror_y=True): Image.Transpose.FLIP_TOP_BOTTOM,
    Orientation(mirror_x=True, mirror_y=True): Image.Transpose.ROTATE_180,
    Orientation(swap=True): Image.Transpose.TRANSPOSE,
    Orientation(swap=True, mirror_x=True): Image.Transpose.ROTATE_270,
    Orientation(swap=True, mirror_y=True): Image.Transpose.ROTATE_90,
    Orientation(swap=True, mirror_x=True, mirror_y=True): Image.Transpose.TRANSVERSE,
}
_START_OF_SCAN = b"\xff\xda"
_PIECE_BYTES = 1 << 20
_STRIP_BYTES = 48 << 10
_BEHIND_TRANSPARENCY = (255, 255, 255, 255)
# What broken files make Pillow raise, as its own documentation of plug-ins and its fuzzers know it.
_PILLOW_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    ArithmeticError,
    struct.error,
)


class Picture:
    """A picture whose header has been read and found within the limits.

    Raises:
        Problem: `damaged-media` or `media-over-limit`.
    """

    def __init__(self, file: BinaryIO, container: Container, limits: MediaLimits) -> None:
        # The pixel limit is checked below; Pillow's own warning would only repeat it.
        Image.MAX_IMAGE_PIXELS = None
        self._container = container
        if container.name == "webp":
            # Its decoder takes memory for the whole canvas before it can be asked for the size.
            _check_size(*_webp_canvas(file.read(30)), limits)
            file.seek(0)
        try:
            self._image = _READERS[container.name](file)
        except _PILLOW_ERRORS as error:
            raise damaged(f"The {container.spoken} picture is damaged: its header cannot be read.") from error
        width, height = self._image.size
        _check_size(width, height, limits)
        if "progressive" in self._image.info:
            _check_scans(file, limits)
        self._orientation = self._read_orientation()
        self.media = Media(
            kind=MediaKind.PICTURE,
            container=container.name,
            video=VideoStream(
                codec=container.name, width=width, height=height, rotation=self._orientation.rotation
            ),
        )

    def upright(self, longest: int) -> Image.Image:
        """Decode, turned upright and scaled down: mode RGB.

        Args:
            longest: longer side at most, pixels.

        Raises:
            Problem: `damaged-media`.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                image, turn = self._scaled(longest), _TURNS[self._orientation]
                return image if turn is None else image.transpose(turn)
        except _PILLOW_ERRORS as error:
            raise damaged(f"The {self._container.spoken} picture is damaged or cut off.") from error

    def _scaled(self, longest: int) -> Image.Image:
        size = scaled_size(*self._image.size, longest=longest)
        # Only a JPEG heeds this: it gives the smallest of 1/1, 1/2, 1/4, 1/8 that is not below twice the
        # size.
        self._image.draft(None, (2 * size[0], 2 * size[1]))
        self._image.load()
        image = _eight_bits(self._image)
        if image.size != size:
            image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
        if image.mode == "RGBA":
            image = Image.alpha_composite(Image.new("RGBA", image.size, _BEHIND_TRANSPARENCY), image)
        return image if image.mode == "RGB" else image.convert("RGB")

    def _read_orientation(self) -> Orientation:
        try:
            value = self._image.getexif().get(_EXIF_ORIENTATION)
        except _PILLOW_ERRORS:
            return UPRIGHT
        return Orientation.from_exif(value) if isinstance(value, int) else UPRIGHT


def strips(image: Image.Image) -> Iterator[bytes]:
    """Give the pixels of an RGB picture from top to bottom, a few rows at a time.

    Small pieces use the same memory again and again. A copy of the whole costs a page fault for every four
    kilobytes, which takes longer than decoding a JPEG.
    """
    width, height = image.size
    rows = max(1, _STRIP_BYTES // (3 * width))
    for top in range(0, height, rows):
        yield image.crop((0, top, width, min(height, top + rows))).tobytes()


def _check_size(width: int, height: int, limits: MediaLimits) -> None:
    if width < 1 or height < 1:
        raise damaged("The picture claims a width or height of zero.")
    if width * height > limits.max_picture_pixels:
        what = f"The number of pixels of the picture ({width} x {height})"
        raise over_limit("max_picture_pixels", what, width * height, limits.max_picture_pixels)
    if max(width, height) > limits.max_side:
        raise over_limit("max_side", "The longer side of the picture", max(width, height), limits.max_side)


def _check_scans(file: BinaryIO, limits: MediaLimits) -> None:
    """Refuse a JPEG that goes over its pixels too often: a few bytes a scan cost a step for each pixel."""
    place = file.tell()
    file.seek(0)
    scans, last = 0, b""
    while piece := file.read(_PIECE_BYTES):
        # Inside compressed data the byte 255 is never followed by this one.
        scans += (last + piece).count(_START_OF_SCAN)
        last = piece[-1:]
    file.seek(place)
    if scans > limits.max_picture_scans:
        raise over_limit("max_picture_scans", "The number of scans", scans, limits.max_picture_scans)


def _webp_canvas(head: bytes) -> tuple[int, int]:
    """Read width and height from the beginning of a WebP file (RFC 9649); (1, 1) where they are not there."""
    chunk, body = head[12:16], head[20:30].ljust(10, b"\0")
    if chunk == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = int.from_bytes(body[6:8], "little"), int.from_bytes(body[8:10], "little")
        return max(1, width & 0x3FFF), max(1, height & 0x3FFF)
    return 1, 1


def _eight_bits(image: Image.Image) -> Image.Image:
    """Give the picture as L, RGB or RGBA."""
    if image.mode.startswith("I"):
        samples = np.asarray(image).astype(np.int64) >> 8
        return Image.fromarray(samples.clip(0, 255).astype(np.uint8))
    if image.mode in {"LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in {"L", "RGB", "RGBA"}:
        return image
    return image.convert("RGB")
