"""Learning how scores lean on what is usual for a person."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from fusion_service.baseline import PersonReadings, evidence, usual_of
from fusion_service.calibration import log_scores, softmax
from fusion_service.parameters import BaselineRule
from training.fusion.sessions import LENGTHS, MIXES, Sessions, draw_sessions
from training.fusion.voices import Voices

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_DECIMALS = 4
# Sessions of each length and mix that every corpus has.
SESSIONS = 60
# Where the fit starts, and where a weak pull holds it: the scores as they are.
_START = np.asarray([1.0, 0.1, 0.1, 0.1, 0.1])
_PULL = 1e-3
_VOICE_SECONDS = 1.5
# With three readings the films of actors lost a point.
LEAST_READINGS = 5.0


def mean_evidence(
    scores: FloatArray, vectors: FloatArray, emotion: IntArray
) -> tuple[tuple[float, ...], ...]:
    """Give the mean evidence of each emotion: seven rows of 14 values."""
    values = evidence(scores, vectors)
    means = np.stack([values[emotion == one].mean(axis=0) for one in range(7)])
    return tuple(tuple(row) for row in np.round(means, _DECIMALS).tolist())


def learn_voice_rule(voices: Voices, *, each: int = SESSIONS) -> BaselineRule:
    """Fit the five weights on sessions of many people, varied and one-sided ones alike.

    What a session holds and what else its person says weigh the same, so that the rule neither overlooks what
    is frequent nor turns it into its opposite. Every corpus has `each` sessions of every length and mix.
    """
    rule = BaselineRule(
        usual=mean_evidence(voices.scores, voices.vectors, voices.emotion),
        scores_weight=1.0,
        vector_weight=0.0,
        scores_offset=0.0,
        vector_offset=0.0,
        frequent_weight=0.0,
        frequent_share=0.4,
        frequent_half=3.0,
        half_readings=1.0,
        least_readings=LEAST_READINGS,
        reading_seconds=_VOICE_SECONDS,
    )
    random = np.random.default_rng(0)
    people = list(voices.people_evenly(each))
    parts = [
        _terms(
            voices,
            draw_sessions(people, voices.emotion, length=length, mix=mix, random=random),
            rule,
        )
        for length in LENGTHS
        for mix in MIXES
    ]
    scores_weight, vector_weight, scores_offset, vector_offset, frequent_weight = _fit(
        [part for pair in parts for part in pair]
    )
    return rule.model_copy(
        update={
            "scores_weight": scores_weight,
            "vector_weight": vector_weight,
            "scores_offset": scores_offset,
            "vector_offset": vector_offset,
            "frequent_weight": frequent_weight,
        }
    )


def readings_of(voices: Voices, rows: IntArray) -> PersonReadings:
    """Take clips as whole readings of one person."""
    return PersonReadings(voices.scores[rows], voices.vectors[rows], np.ones(len(rows)))


Terms = tuple[FloatArray, IntArray]


def _terms(voices: Voices, sessions: Sessions, rule: BaselineRule) -> tuple[Terms, Terms]:
    """Give, for what sessions hold and for the rest: terms [rows, 5, 7] of the logits, emotions [rows]."""
    heard: list[FloatArray] = []
    fresh: list[FloatArray] = []
    for own, others in zip(sessions.heard, sessions.fresh, strict=True):
        usual = usual_of(readings_of(voices, own), rule)
        if usual is None:
            raise ValueError("a session is too short for the rule")
        for rows, found in ((own, heard), (others, fresh)):
            values = evidence(voices.scores[rows], voices.vectors[rows])
            shared = np.stack([-usual.offset[:7], -usual.offset[7:], usual.frequent])
            terms = np.empty((len(rows), 5, 7))
            terms[:, 0], terms[:, 1], terms[:, 2:] = values[:, :7], values[:, 7:], shared
            found.append(terms)
    return (
        (np.concatenate(heard), voices.emotion[sessions.heard].ravel()),
        (np.concatenate(fresh), voices.emotion[sessions.fresh].ravel()),
    )


def _fit(parts: Sequence[Terms]) -> Iterator[float]:
    """Find the weights of the terms with the least log loss, every part weighing the same."""

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        away = weights - np.asarray([1.0, 0, 0, 0, 0])
        total, slope = _PULL * float(away @ away), 2 * _PULL * away
        for terms, emotion in parts:
            scores = softmax(np.einsum("rte,t->re", terms, weights))
            rows = np.arange(len(emotion))
            total -= float(log_scores(scores)[rows, emotion].mean()) / len(parts)
            scores[rows, emotion] -= 1
            slope = slope + np.einsum("rte,re->t", terms, scores) / len(emotion) / len(parts)
        return total, slope

    bounds = [(0.05, None), (0, None), (None, None), (0, None), (0, None)]
    found = minimize(loss, _START, jac=True, method="L-BFGS-B", bounds=bounds).x
    return (round(float(weight), _DECIMALS) for weight in found)
