"""Request bodies into pictures, under limits that are checked before anything is decoded."""

import re
import struct
from dataclasses import dataclass

import cv2
import numpy as np

from face_service.detection import Picture
from shared.contracts.problems import Problem
from shared.npy import read_npy

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
# Start-of-frame markers: all of C0..CF except tables (C4), reserved (C8) and arithmetic conditioning (CC).
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset(range(0xD0, 0xD8)) | {0x01}
_START_OF_SCAN = 0xDA
_END_OF_PICTURE = 0xD9
# What may follow the data of a scan: tables, the next scan, the end, and what is skipped.
_AFTER_SCAN = re.compile(rb"\xff[\xc4\xcc\xd9-\xdd\xe0-\xef\xfe]")
# Encoders write about ten. Each goes over the whole picture, and may be as short as some bytes.
_MOST_SCANS = 64


@dataclass(frozen=True)
class PictureLimits:
    """What one request may hold.

    Args:
        pictures: how many pictures.
        pixels: width times height, of all of them together: what is decoded is in memory at once.
    """

    pictures: int
    pixels: int


def pictures_from_npy(body: bytes, limits: PictureLimits) -> list[Picture]:
    """Read a batch of pictures of one size, uint8 [n, height, width, 3] RGB; views on the body.

    Raises:
        Problem: `bad-parameter` when it is no such array; `media-over-limit`.
    """
    batch = read_npy(body, dtype=np.uint8, ndim=4)
    count, height, width, channels = batch.shape
    if channels != 3:
        raise Problem("bad-parameter", f"The last axis has length {channels}, not 3 (RGB).", field="body")
    if count and not (height and width):
        raise Problem("bad-parameter", "The pictures have no pixels.", field="body")
    _check(count, count * width * height, limits, field="body")
    return [np.asarray(picture, dtype=np.uint8) for picture in batch]


def pictures_from_files(files: list[bytes], limits: PictureLimits) -> list[Picture]:
    """Decode JPEG and PNG files, turned upright by their EXIF orientation.

    Raises:
        Problem: `empty-upload`, `unsupported-media`, `damaged-media`, `media-over-limit`.
    """
    sizes = [picture_size(content) for content in files]
    _check(len(files), sum(width * height for width, height in sizes), limits, field="file")
    return [_decoded(content) for content in files]


def picture_size(content: bytes) -> tuple[int, int]:
    """Read width and height out of the header of a JPEG or PNG file.

    Raises:
        Problem: `empty-upload`, `unsupported-media` when it is neither, `damaged-media`, `media-over-limit`
            for a JPEG of very many scans.
    """
    if not content:
        raise Problem("empty-upload", "A file without bytes was sent.", field="file")
    if content.startswith(_PNG):
        return _png_size(content)
    if content.startswith(_JPEG):
        return _jpeg_size(content)
    raise Problem(
        "unsupported-media",
        "A file is neither a JPEG nor a PNG picture.",
        remedy="Send JPEG or PNG files, or one array as application/x-npy.",
        field="file",
    )


def _damaged(detail: str) -> Problem:
    return Problem(
        "damaged-media", detail, remedy="Check that the picture opens, or export it again.", field="file"
    )


def _png_size(content: bytes) -> tuple[int, int]:
    if len(content) < 33 or content[12:16] != b"IHDR":
        raise _damaged("The PNG picture has no header.")
    width, height = struct.unpack(">II", content[16:24])
    if b"IEND" not in content[-64:]:
        raise _damaged("The PNG picture is cut off.")
    return int(width), int(height)


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Walk the segments (ITU-T T.81, B.1.1) to the frame header and on to the scan."""
    size: tuple[int, int] | None = None
    at = 2
    while at + 4 <= len(content):
        if content[at] != 0xFF:
            raise _damaged("The JPEG picture's segments are broken.")
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _STANDALONE:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", content, at + 2)
        if marker in _FRAME_MARKERS and at + 9 <= len(content):
            height, width = struct.unpack_from(">HH", content, at + 5)
            size = (int(width), int(height))
        if marker == _START_OF_SCAN:
            break
        at += 2 + max(2, length)
    if size is None:
        raise _damaged("The JPEG picture has no frame header.")
    if content.rfind(b"\xff\xd9", at) < 0:
        raise _damaged("The JPEG picture is cut off.")
    if _scans(content, at) > _MOST_SCANS:
        raise Problem(
            "media-over-limit",
            f"The JPEG picture is coded in more than {_MOST_SCANS} scans.",
            remedy="Export the picture again, as a plain JPEG or PNG.",
            field="file",
            extra={"limit": _MOST_SCANS},
        )
    return size


def _scans(content: bytes, at: int) -> int:
    """Count the scans of a JPEG picture from the first one, which begins at `at`."""
    count = 0
    while (found := _AFTER_SCAN.search(content, at)) and content[found.end() - 1] != _END_OF_PICTURE:
        count += content[found.end() - 1] == _START_OF_SCAN
        at = found.end() + max(2, int.from_bytes(content[found.end() : found.end() + 2]))
    return count


def _check(count: int, pixels: int, limits: PictureLimits, *, field: str) -> None:
    if count > limits.pictures:
        raise Problem(
            "media-over-limit",
            f"{count} pictures were sent; one call takes {limits.pictures}.",
            remedy="Send fewer pictures in one call.",
            field=field,
            extra={"limit": limits.pictures},
        )
    if pixels > limits.pixels:
        raise Problem(
            "media-over-limit",
            f"The pictures have {pixels} pixels together; one call takes {limits.pixels}.",
            remedy="Send smaller or fewer pictures in one call.",
            field=field,
            extra={"limit": limits.pixels},
        )


def _decoded(content: bytes) -> Picture:
    try:
        picture = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        picture = None
    if picture is None:
        raise _damaged("The picture cannot be decoded.")
    return np.asarray(picture, dtype=np.uint8)
