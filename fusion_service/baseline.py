"""What is usual for a person: scores lean on it once enough of the person was heard.

A person whose resting voice sounds sad is scored as sad too often. Each reading of a person (a segment of
speech) is a vector of evidence: its log scores, and what the network read beside them. Its residual is what
is left when the mean evidence of its likely emotions is taken off; the mean residual over a person's readings
is how that person differs from everybody else, whatever they expressed. A share of it that grows with the
readings is taken off every reading: the empirical Bayes estimate of a random effect (Robinson 1991, "That
BLUP is a Good Thing").

The likely emotions are taken off first, and emotions that were frequent stay likelier, so that a person who
was mostly one emotion is not turned into its opposite.

Faces do not lean: on the films of actors it gained nothing once face and voice are joined (see the card).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion_service.calibration import log_scores, softmax
from fusion_service.columns import FloatArray, SegmentColumns
from fusion_service.parameters import BaselineRule

_EMOTIONS = 7


@dataclass(frozen=True, slots=True)
class PersonReadings:
    """Readings of one person, n of them, in order of time.

    Attributes:
        scores: [n, 7] sum to 1.
        vectors: [n, 7] what the network read beside them.
        weight: [n] how much of a whole reading each is, 0..1: a short one tells less.
    """

    scores: FloatArray
    vectors: FloatArray
    weight: FloatArray


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual for one person.

    Attributes:
        offset: [14] how the person's evidence differs from everybody's, as far as it is known.
        frequent: [7] logarithms of how often each emotion was read, about their mean.
        readings: whole readings that it rests on.
        strength: 0..1 how far scores lean on it.
    """

    offset: FloatArray
    frequent: FloatArray
    readings: float
    strength: float


def usual_of(readings: PersonReadings, rule: BaselineRule) -> Usual | None:
    """Find what is usual for a person; None while too little was heard."""
    count = float(readings.weight.sum())
    if count < rule.least_readings:
        return None
    share = readings.weight / count
    read = share @ readings.scores
    residual = share @ evidence(readings.scores, readings.vectors) - read @ np.asarray(rule.usual)
    strength = count / (count + rule.half_readings)
    trusted = rule.frequent_share * count / (count + rule.frequent_half)
    frequent = np.log(trusted * read + (1 - trusted) / _EMOTIONS)
    return Usual(strength * residual, frequent - frequent.mean(), count, strength)


def lean(readings: PersonReadings, usual: Usual, rule: BaselineRule) -> FloatArray:
    """Give the scores [n, 7] of readings, leaning on what is usual for their person."""
    own = evidence(readings.scores, readings.vectors)
    logits = rule.scores_weight * own[:, :_EMOTIONS] - rule.scores_offset * usual.offset[:_EMOTIONS]
    logits = logits + rule.vector_weight * own[:, _EMOTIONS:] - rule.vector_offset * usual.offset[_EMOTIONS:]
    return softmax(logits + rule.frequent_weight * usual.frequent)


def evidence(scores: FloatArray, vectors: NDArray[np.floating]) -> FloatArray:
    """Give [n, 14]: log scores and vectors, each row about its mean."""
    logs = log_scores(scores)
    values = vectors.astype(np.float64)
    return np.concatenate(
        [logs - logs.mean(axis=1, keepdims=True), values - values.mean(axis=1, keepdims=True)], axis=1
    )


def lean_voice(
    segments: SegmentColumns, earlier: SegmentColumns, rule: BaselineRule | None
) -> tuple[FloatArray, Usual | None]:
    """Lean the voice on what is usual for it, over these segments and earlier ones.

    All segments are taken for one voice: where two people speak, it gains less (measured; see the card).

    Args:
        segments: to be scored.
        earlier: heard before; they only tell what is usual.
        rule: None to leave the scores as they are.

    Returns:
        Scores [n, 7]; None beside them where nothing was changed.
    """
    if rule is None or segments.voice.shape[1] != _EMOTIONS:
        return segments.scores, None
    own = _voice_readings(segments, rule)
    known = _with_vector(own)
    heard = [_only(own, known)]
    if earlier.voice.shape[1] == _EMOTIONS:
        before = _voice_readings(earlier, rule)
        heard.append(_only(before, _with_vector(before)))
    usual = usual_of(_together(heard), rule)
    if usual is None or not known.any():
        return segments.scores, None
    scores = segments.scores.copy()
    scores[known] = lean(heard[0], usual, rule)
    return scores, usual


def _voice_readings(segments: SegmentColumns, rule: BaselineRule) -> PersonReadings:
    weight = np.clip((segments.end - segments.start) / rule.reading_seconds, 0.0, 1.0)
    return PersonReadings(segments.scores, segments.voice.astype(np.float64), weight)


def _with_vector(readings: PersonReadings) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(readings.vectors).all(axis=1), dtype=np.bool_)


def _only(readings: PersonReadings, rows: NDArray[np.bool_]) -> PersonReadings:
    return PersonReadings(readings.scores[rows], readings.vectors[rows], readings.weight[rows])


def _together(parts: Sequence[PersonReadings]) -> PersonReadings:
    return PersonReadings(
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )
