"""Figures with their uncertainty: accuracy with its interval, recall, calibration error."""

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def wilson(correct: int, n: int) -> tuple[float, float]:
    """Give the 95 % interval of a share (Wilson 1927)."""
    z = 1.96
    share = correct / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half, middle + half


def calibration_error(scores: FloatArray, emotion: IntArray, bins: int = 15) -> float:
    """Expected calibration error of the highest score [n, 7], equal bins."""
    confidence, correct = scores.max(axis=1), scores.argmax(axis=1) == emotion
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(correct[place == one].mean() - confidence[place == one].mean()) * (place == one).mean()
        for one in np.unique(place)
    ]
    return float(sum(gaps))
