"""What a detector gives, whatever it is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Detection:
    """One face, in pixels of the picture that was given (the top left corner of the first pixel is 0, 0).

    Args:
        box: x, y, width, height; may reach over the picture's edge.
        score: 0..1.
        landmarks: shape [5, 2]: right eye, left eye, nose tip, right and left mouth corner (the person's own
            right and left); None when the detector gives none.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: NDArray[np.float64] | None = None

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        return self.box[2] * self.box[3]


class Detector(Protocol):
    """Finds faces in pictures; safe to call from several threads at once."""

    def detect(self, pictures: Sequence[Picture], *, film: bool) -> list[list[Detection]]:
        """Find the faces of each picture.

        Args:
            pictures: shape [h, w, 3] each, RGB, at least 1 x 1.
            film: they are frames of one film in order, so that a face may be followed from one to the next.

        Returns:
            For each picture the faces found, the largest first.
        """


def overlap(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the intersection over union of a box [4] with others [k, 4]; x, y, width, height."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[:2] + box[2:], others[:, :2] + others[:, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=1)
    union = box[2] * box[3] + others[:, 2] * others[:, 3] - both
    return np.asarray(both / np.maximum(union, 1e-9), dtype=np.float64)


def keep_best(detections: Sequence[Detection], *, overlap_above: float) -> list[Detection]:
    """Drop detections that overlap a better one (greedy non-maximum suppression).

    Args:
        detections: in any order.
        overlap_above: intersection over union above which two are the same face.

    Returns:
        What is left, the largest first.
    """
    ordered = sorted(detections, key=lambda detection: -detection.score)
    boxes = np.array([detection.box for detection in ordered], dtype=np.float64).reshape(-1, 4)
    alive = np.ones(len(ordered), dtype=bool)
    kept: list[Detection] = []
    for index, detection in enumerate(ordered):
        if alive[index]:
            kept.append(detection)
            alive &= overlap(boxes[index], boxes) <= overlap_above
    return sorted(kept, key=lambda detection: -detection.area)
