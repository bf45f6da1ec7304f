"""Making pictures for the tests."""

import cv2
import numpy as np
from numpy.typing import NDArray

from face_service.detection import Detection

Picture = NDArray[np.uint8]

# The faces as a person sees them: x, y, width, height in pixels.
ASTRONAUT_FACE = (178.0, 63.0, 90.0, 113.0)
HOPPER_FACE = (183.0, 120.0, 170.0, 212.0)


def pasted(
    picture: Picture, width: int, *, at: tuple[int, int], frame: tuple[int, int] = (640, 360)
) -> Picture:
    """Shrink a picture to a width and paste it into a grey frame."""
    height = round(picture.shape[0] * width / picture.shape[1])
    made = np.full((frame[1], frame[0], 3), 90, dtype=np.uint8)
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    x, y = at
    made[y : y + height, x : x + width] = small[: frame[1] - y, : frame[0] - x]
    return made


def turned(picture: Picture, degrees: float) -> tuple[Picture, NDArray[np.float64]]:
    """Turn a picture clockwise about its middle in a larger grey frame; also gives the 2x3 matrix."""
    height, width = picture.shape[:2]
    side = int(np.hypot(height, width))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    matrix[:, 2] += side / 2 - np.array([width / 2, height / 2])
    frame = cv2.warpAffine(picture, matrix, (side, side), borderValue=(90, 90, 90))
    return np.asarray(frame), np.asarray(matrix)


def covers(detection: Detection, box: tuple[float, float, float, float]) -> bool:
    """Whether a detection overlaps a box by half or more (intersection over union)."""
    x, y, width, height = detection.box
    across = min(x + width, box[0] + box[2]) - max(x, box[0])
    down = min(y + height, box[1] + box[3]) - max(y, box[1])
    both = max(0.0, across) * max(0.0, down)
    return both / (width * height + box[2] * box[3] - both) >= 0.5
