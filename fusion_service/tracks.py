"""What a face does over time: statistics of its expression vectors, and a small linear layer over them.

A still picture tells a resting frown from anger badly; what a face does, against its own rest, tells more.
"""

import numpy as np
from numpy.typing import NDArray

from fusion_service.calibration import log_scores, softmax
from fusion_service.columns import FloatArray
from fusion_service.parameters import TrackHead


def track_features(expression: NDArray[np.floating], t: FloatArray) -> FloatArray:
    """Describe one face over time.

    Args:
        expression: [f, b] expression vectors (blendshape coefficients, 0..1) in order of time, f at least 2.
        t: [f] seconds.

    Returns:
        [6 * b] mean, spread, 10 %, 50 % and 90 % quantile, and mean change in a second, for each coefficient.
    """
    values = np.asarray(expression, dtype=np.float64)
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9], axis=0)
    elapsed = max(float(t[-1] - t[0]), 1e-3)
    change = np.abs(np.diff(values, axis=0)).sum(axis=0) / elapsed
    return np.concatenate([values.mean(axis=0), values.std(axis=0), low, middle, high, change])


def read_track(
    expression: NDArray[np.floating], t: FloatArray, still: FloatArray, head: TrackHead
) -> FloatArray:
    """Join what a face does over time with what its still pictures show.

    Args:
        expression: [f, b] expression vectors; rows of NaN where not known.
        t: [f] seconds.
        still: [7] scores of the still pictures together.
        head: the learned layer.

    Returns:
        [7] scores; `still` itself when too little was seen. Emotions that the head has never learned keep
        their score of the still pictures.
    """
    known = (
        np.isfinite(expression[:, 0])
        if expression.shape[1] == head.dimensions
        else np.zeros(len(t), dtype=bool)
    )
    expression, t = expression[known], t[known]
    if len(t) < head.min_frames or t[-1] - t[0] < head.min_seconds:
        return still
    features = (track_features(expression, t) - np.asarray(head.centre)) / np.asarray(head.scale)
    logits = (np.asarray(head.weights) @ features + np.asarray(head.bias)) / head.temperature
    learned = list(head.emotions)
    joined = still.copy()
    joined[learned] = still[learned].sum() * softmax(
        head.still_weight * log_scores(still[learned]) + head.weight * log_scores(softmax(logits))
    )
    return joined
