"""From a picture and five points to the square crop that the network sees, by the definition that serves.

A placement is a 2 x 3 matrix from a picture's pixels (middle of the first pixel at 0, 0) to the unit square
of the crop. Alignment itself is `face_service.alignment`: one definition for training and for serving.
"""

import cv2
import numpy as np
import numpy.typing as npt

from face_service.alignment import KEPT, alignment_transform
from training.corpora.faces import Picture

# Sides of the crops in pixels.
DEFAULT_SIDE = 112
PAPER_SIDE = 48

Placement = npt.NDArray[np.float64]
Points = npt.NDArray[np.float32]

# Median over FER2013 of what `training.face.landmarks` finds, in pixels.
FER2013_POINTS: Points = np.array(
    [(14.92, 18.57), (33.03, 18.91), (23.14, 28.76), (16.34, 36.17), (31.01, 36.48)], np.float32
)


def aligned_placement(points: Points) -> Placement:
    """The placement that serving would choose for five points [5, 2]; all NaN where there are none."""
    if not np.isfinite(points).all():
        return np.full((2, 3), np.nan)
    placement = np.array(alignment_transform(points, 1))
    placement[:, 2] += 0.5
    return placement


def window_placement(side: float, low: float, high: float) -> Placement:
    """The placement that keeps the part from `low` to `high` (0..1) of a square picture of `side` pixels."""
    scale = 1 / (side * (high - low))
    shift = (0.5 / side - low) / (high - low)
    return np.array([[scale, 0, shift], [0, scale, shift]])


def rafdb_placement(side: float) -> Placement:
    """The placement of a picture that its authors aligned like RAF-DB."""
    return window_placement(side, *KEPT)


def typical_placement() -> Placement:
    """One placement for all of FER2013's pictures, which are roughly aligned: that of its median points."""
    return aligned_placement(FER2013_POINTS)


def cut(picture: Picture, placement: Placement, side: int, *, border: int = cv2.BORDER_REPLICATE) -> Picture:
    """Cut a crop of `side` x `side` pixels out of a picture."""
    matrix = placement * side
    matrix[:, 2] -= 0.5
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.7:
        # Linear sampling alone would alias where it skips pixels.
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.4 / scale), np.uint8)
    cropped = cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(cropped, np.uint8)
