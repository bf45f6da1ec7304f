"""How face and voice are joined: one function a strategy, all with the same shape."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fusion_service.columns import FloatArray
from fusion_service.parameters import FusionParameters
from fusion_service.pooling import Readings, log_linear
from shared.contracts.fusion import Strategy


@dataclass(frozen=True, slots=True)
class Fused:
    """Both modalities together, in m moments.

    Attributes:
        scores: [m, 7] sum to 1; a row of NaN where neither says anything (or the one that was asked for does
            not).
        face_weight: [m] how much the face counted, 0..1; the voice counted the rest.
    """

    scores: FloatArray
    face_weight: FloatArray


Join = Callable[[Readings, Readings, FusionParameters], tuple[FloatArray, FloatArray]]


def fuse(face: Readings, speech: Readings, strategy: Strategy, parameters: FusionParameters) -> Fused:
    """Join what the faces and what the voice say, moment by moment.

    A silent modality changes nothing: the scores are then the other's own, whatever the strategy, except for
    the strategies `face` and `speech`, which never look at the other one.
    """
    if strategy is Strategy.FACE:
        return Fused(face.scores, np.ones(len(face)))
    if strategy is Strategy.SPEECH:
        return Fused(speech.scores, np.zeros(len(face)))
    scores, face_weight = JOINS[strategy](face, speech, parameters)
    alone = face.present & ~speech.present
    scores = np.where(alone[:, None], face.scores, scores)
    scores = np.where(face.present[:, None], scores, speech.scores)
    face_weight = np.where(alone, 1.0, np.where(face.present, face_weight, 0.0))
    return Fused(scores, face_weight)


def _learned(face: Readings, speech: Readings, parameters: FusionParameters) -> tuple[FloatArray, FloatArray]:
    """Log-linear pool with weights learned from films, by emotion and by quality."""
    return log_linear(face, speech, parameters.pool)


def _mean(face: Readings, speech: Readings, _: FusionParameters) -> tuple[FloatArray, FloatArray]:
    """Plain average, as in the paper."""
    return (face.scores + speech.scores) / 2, np.full(len(face), 0.5)


def _weighted(
    face: Readings, speech: Readings, parameters: FusionParameters
) -> tuple[FloatArray, FloatArray]:
    """Average with fixed weights, by how often each modality is right."""
    share = parameters.face_share
    return share * face.scores + (1 - share) * speech.scores, np.full(len(face), share)


def _max(face: Readings, speech: Readings, _: FusionParameters) -> tuple[FloatArray, FloatArray]:
    """For each emotion the higher of the two scores, scaled to sum to 1."""
    highest = np.maximum(face.scores, speech.scores)
    scores = highest / highest.sum(axis=1, keepdims=True)
    from_face = np.where(face.scores > speech.scores, 1.0, np.where(face.scores < speech.scores, 0.0, 0.5))
    return scores, (scores * from_face).sum(axis=1)


JOINS: dict[Strategy, Join] = {
    Strategy.LEARNED: _learned,
    Strategy.MEAN: _mean,
    Strategy.WEIGHTED: _weighted,
    Strategy.MAX: _max,
}
