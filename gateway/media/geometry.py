"""Sizes and turns: how large a picture becomes, and how a stored one is turned upright."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MATRIX = struct.Struct("=9i")
_STRANGE_PIXEL = 8.0


@dataclass(frozen=True, slots=True)
class Orientation:
    """How to turn stored pixels upright: first swap the axes, then mirror.

    Args:
        swap: rows become columns.
        mirror_x: left and right change places (after swapping).
        mirror_y: top and bottom change places (after swapping).
    """

    swap: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @classmethod
    def from_display_matrix(cls, matrix: bytes) -> "Orientation":
        """Read the nine integers of a display matrix (ISO 14496-12, 8.3.2), to the nearest quarter turn."""
        a, b, _, c, d, *_ = _MATRIX.unpack(matrix[: _MATRIX.size])
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(swap=False, mirror_x=a < 0, mirror_y=d < 0)
        return cls(swap=True, mirror_x=c < 0, mirror_y=b < 0)

    @classmethod
    def from_exif(cls, value: int) -> "Orientation":
        """Read the EXIF tag `Orientation` (1 to 8; any other number means upright)."""
        return _EXIF.get(value, UPRIGHT)

    @property
    def rotation(self) -> int:
        """Degrees clockwise that turn the picture upright, apart from mirroring."""
        if self.swap:
            return 90 if self.mirror_x else 270
        return 180 if self.mirror_y else 0

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn pixels [h,w,3] upright; contiguous."""
        if self.swap:
            pixels = pixels.swapaxes(0, 1)
        if self.mirror_y:
            pixels = pixels[::-1]
        if self.mirror_x:
            pixels = pixels[:, ::-1]
        return np.ascontiguousarray(pixels)


UPRIGHT = Orientation()
_EXIF = {
    2: Orientation(mirror_x=True),
    3: Orientation(mirror_x=True, mirror_y=True),
    4: Orientation(mirror_y=True),
    5: Orientation(swap=True),
    6: Orientation(swap=True, mirror_x=True),
    7: Orientation(swap=True, mirror_x=True, mirror_y=True),
    8: Orientation(swap=True, mirror_y=True),
}


def scaled_size(width: int, height: int, *, longest: int, pixel_aspect: float = 1.0) -> tuple[int, int]:
    """Give (width, height) with square pixels, smaller where the longer side would be above `longest`.

    Args:
        width: stored width, pixels.
        height: stored height, pixels.
        longest: longer side at most, pixels; nothing is enlarged to it.
        pixel_aspect: width of a stored pixel divided by its height; beyond 1:8 and 8:1 it is taken for an
            error.
    """
    if not 1 / _STRANGE_PIXEL <= pixel_aspect <= _STRANGE_PIXEL:
        pixel_aspect = 1.0
    # Widths change, heights stay: that is what players do with non-square pixels.
    shown = width * pixel_aspect
    factor = min(1.0, longest / max(shown, height))
    return max(1, round(shown * factor)), max(1, round(height * factor))
