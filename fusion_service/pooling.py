"""Many readings of one modality into one, and two modalities into one."""

from dataclasses import dataclass

import numpy as np

from fusion_service.calibration import log_scores, softmax
from fusion_service.columns import FloatArray, IntArray
from fusion_service.parameters import PoolWeights


@dataclass(frozen=True, slots=True)
class Readings:
    """What one modality says, in m moments (or in one whole film, m = 1).

    Attributes:
        scores: [m, 7] sum to 1; a row of NaN where the modality is silent.
        quality: [m] how good its input was, 0..1; 0 where it is silent.
    """

    scores: FloatArray
    quality: FloatArray

    def __len__(self) -> int:
        return len(self.quality)

    @property
    def present(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """[m] where the modality says anything."""
        return np.isfinite(self.scores[:, 0])

    @classmethod
    def silent(cls, m: int) -> "Readings":
        """A modality that says nothing in any of m moments."""
        return cls(np.full((m, 7), np.nan), np.zeros(m))


def pool_groups(scores: FloatArray, weights: FloatArray, groups: IntArray, m: int) -> FloatArray:
    """Take the weighted mean of scores inside each group.

    Args:
        scores: [n, 7].
        weights: [n] not negative.
        groups: [n] group of each row, 0..m-1.
        m: number of groups.

    Returns:
        [m, 7] means that sum to 1; NaN where a group is empty or weighs nothing.
    """
    total = np.bincount(groups, weights=weights, minlength=m)
    sums = np.stack([np.bincount(groups, weights * column, m) for column in scores.T], axis=1)
    means: FloatArray = np.full((m, scores.shape[1]), np.nan)
    np.divide(sums, total[:, None], out=means, where=total[:, None] > 0)
    return means


def log_linear(face: Readings, speech: Readings, weights: PoolWeights) -> tuple[FloatArray, FloatArray]:
    """Join both modalities where both speak: `log p = q_f w_f log p_f + q_s w_s log p_s`, up to a constant.

    Logarithmic opinion pool: Genest and Zidek 1986, "Combining Probability Distributions".

    Args:
        face: what the faces say in m moments.
        speech: what the voice says in the same moments.
        weights: by emotion and quality.

    Returns:
        Scores [m, 7] and the face's share of the weight [m], 0..1. Rows where a modality is silent mean
        nothing.

    Where both agree on the emotion, its score is at least the lower of their two scores for it.
    """
    face_weight = face.quality[:, None] ** weights.quality_power * np.asarray(weights.face)
    speech_weight = speech.quality[:, None] ** weights.quality_power * np.asarray(weights.speech)
    scores = softmax(face_weight * log_scores(face.scores) + speech_weight * log_scores(speech.scores))
    total = face_weight.sum(axis=1) + speech_weight.sum(axis=1)
    share = np.divide(face_weight.sum(axis=1), total, out=np.full(len(face), 0.5), where=total > 0)
    return _never_below_agreement(scores, face.scores, speech.scores), share


def _never_below_agreement(scores: FloatArray, face: FloatArray, speech: FloatArray) -> FloatArray:
    rows = np.flatnonzero(
        np.isfinite(face[:, 0]) & np.isfinite(speech[:, 0]) & (face.argmax(axis=1) == speech.argmax(axis=1))
    )
    label = face[rows].argmax(axis=1)
    least = np.minimum(face[rows, label], speech[rows, label])
    short = scores[rows, label] < least
    rows, label, least = rows[short], label[short], least[short]
    lifted = scores.copy()
    others = 1.0 - lifted[rows, label]
    lifted[rows] *= ((1.0 - least) / others)[:, None]
    lifted[rows, label] = least
    return lifted
