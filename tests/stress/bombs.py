"""Small files that unpack to something large, or that claim to."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests import media_files

PNG = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def one_colour_png(width: int, height: int, *, before: bytes = b"") -> bytes:
    """A black and white PNG that is black everywhere: an eighth of a byte a pixel, packed a thousandfold.

    Args:
        before: chunks between the header and the pixels.
    """
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(1)
    row = bytes(1 + (width + 7) // 8)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return PNG + chunk(b"IHDR", header) + before + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def png_with_text(megabytes: int) -> bytes:
    """A small PNG with a comment that unpacks to so much."""
    comment = b"Comment\0\0" + zlib.compress(bytes(megabytes << 20), 9)
    return one_colour_png(64, 64, before=chunk(b"zTXt", comment))


def png_with_profile(megabytes: int) -> bytes:
    """A small PNG with a colour profile that unpacks to so much."""
    profile = b"profile\0\0" + zlib.compress(bytes(megabytes << 20), 9)
    return one_colour_png(64, 64, before=chunk(b"iCCP", profile))


def one_colour(kind: str, side: int) -> bytes:
    """A grey square in another format."""
    file = io.BytesIO()
    image = Image.new("L" if kind != "GIF" else "P", (side, side), 9)
    image.convert("RGB" if kind == "WEBP" else image.mode).save(file, kind)
    return file.getvalue()


def many_frames(suffix: str, frames: int, folder: Path) -> bytes:
    """An animated GIF, WebP or PNG of many small frames."""
    rng = np.random.default_rng(1)
    pictures = [Image.fromarray(rng.integers(0, 255, (16, 16, 3), np.uint8)) for _ in range(frames)]
    path = folder / f"many{suffix}"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=20)
    return path.read_bytes()


def jpeg_of_many_scans(scans: int, side: int) -> bytes:
    """A progressive JPEG that goes over all its pixels again and again, for a few bytes each time.

    Described by Nickolas and Lattimer, "Two Issues with the JPEG Standard" (2013): legal, and costs
    side x side steps a scan.
    """
    file = io.BytesIO()
    Image.new("L", (side, side), 128).save(file, "JPEG", progressive=True, quality=50)
    content = file.getvalue()
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * scans + content[-2:]


def flac_of_silence(seconds: int, folder: Path) -> bytes:
    """A long silence, some bytes a second."""
    path = folder / "silence.flac"
    return media_files.write_sound(path, np.zeros(8_000 * seconds, np.float32), rate=8_000).read_bytes()
