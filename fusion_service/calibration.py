"""Scores made flatter or sharper, so that a confidence of 0.8 is right eight times in ten."""

import numpy as np

from fusion_service.columns import FloatArray

# Scores arrive rounded to 4 decimals: a 0 means "below 0.00005", never "impossible".
_FLOOR = 2.5e-5


def log_scores(scores: FloatArray) -> FloatArray:
    """Give the logarithm of scores [..., 7], finite also where a score was rounded to 0."""
    return np.log(np.maximum(scores, _FLOOR))


def softmax(logits: FloatArray) -> FloatArray:
    """Turn logits [..., 7] into scores that sum to 1."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores: FloatArray = raised / raised.sum(axis=-1, keepdims=True)
    return scores


def sharpen(scores: FloatArray, power: float) -> FloatArray:
    """Raise scores [..., 7] to a power and scale them to sum to 1 (temperature scaling with 1 / power).

    The mean of many readings of one expression is flatter than what it says; a power above 1 undoes that.
    Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    return scores if power == 1.0 else softmax(power * log_scores(scores))
