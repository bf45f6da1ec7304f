"""Face and voice together on the RAVDESS films, eight classes, five folds by actor.

These films come without pictures. Their faces are three measurements of others that never learned from them:
68 points in every frame, action units, and the scores of a general network for still pictures. The voice is
`training.speech.evaluate_research ravdess --logits` (learned on RAVDESS alone) and, beside it, the fits of
`training.speech.train` (all corpora, seven classes). Nothing here ships: it shows what late fusion
of a linear layer on the face with our voice reaches where others have measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.corpora.av import RAVDESS_EMOTIONS
from training.fusion.movement import aligned_by_eyes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PARTS = ("points", "action units", "still pictures")
# Of the layer on the face: inverse of its L2 penalty, and directions of the points.
STRENGTH = 0.01
DIRECTIONS = 200
# Frames over whose mean the points are smoothed: they jitter by a pixel or two.
SMOOTHED = 5
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True, slots=True)
class MeasuredFaces:
    """The faces of n films, measured by others.

    Attributes:
        clip: [n] names.
        actor: [n] 1..20.
        emotion: [n] 0..7, as in RAVDESS_EMOTIONS.
        fold: [n] 0..4, by actor.
        parts: by name as in PARTS, features [n, d].
    """

    clip: list[str]
    actor: IntArray
    emotion: IntArray
    fold: IntArray
    parts: dict[str, FloatArray]


def point_features(frames: NDArray[np.integer]) -> FloatArray:
    """Describe a film's points: how they lie, how they move, how the head moves.

    Args:
        frames: [f, 136] pixels, x of the 68 points, then y; f at least 30.
    """
    points = np.stack([frames[:, :68], frames[:, 68:]], axis=2).astype(np.float64)
    aligned = _smoothed(aligned_by_eyes(points))
    quantiles = np.quantile(aligned, QUANTILES, axis=0)
    begin, middle = aligned[:10].mean(axis=0), np.median(aligned, axis=0)
    held = [aligned.mean(axis=0), *quantiles]
    moved = [
        aligned.std(axis=0),
        quantiles[4] - quantiles[0],
        np.abs(np.diff(aligned, axis=0)).mean(axis=0),
        quantiles[4] - quantiles[2],
        quantiles[2] - quantiles[0],
        aligned[-20:].mean(axis=0) - begin,
        begin - middle,
    ]
    return np.concatenate([*held, *moved, head_features(points)])


def head_features(points: FloatArray) -> FloatArray:
    """Describe how a head moves, comes near and tilts: points [f, 68, 2] pixels to [18]."""
    apart = points[:, 42:48].mean(axis=1) - points[:, 36:42].mean(axis=1)
    distance = np.hypot(apart[:, 0], apart[:, 1])
    tilt = np.arctan2(apart[:, 1], apart[:, 0])
    place = np.column_stack([points.mean(axis=1), distance]) / np.median(distance)
    course = np.column_stack([place, tilt])
    return np.concatenate(
        [
            course.std(axis=0),
            np.ptp(course, axis=0),
            np.abs(np.diff(course, axis=0)).mean(axis=0),
            [tilt.mean(), np.log(len(points))],
            course[-30:].mean(axis=0) - course[:15].mean(axis=0),
        ]
    )


def score_features(scores: NDArray[np.floating]) -> FloatArray:
    """Describe the scores [f, 7] of a film's frames over time, [42]."""
    scores = np.asarray(scores, dtype=np.float64)
    logs = np.log(scores + 1e-3)
    quantiles = np.quantile(logs, (0.1, 0.5, 0.9), axis=0)
    return np.concatenate([logs.mean(axis=0), logs.std(axis=0), *quantiles, scores.mean(axis=0)])


def read_measured_faces(corpora: Path) -> MeasuredFaces:
    """Read all three measurements of the films of actors 01 to 20.

    Args:
        corpora: the folder that holds `av/`.
    """
    folder = corpora / "av"
    with np.load(folder / "ravdess_landmarks" / "ravdess_landmarks.npz") as pack:
        running = np.cumsum(pack["delta"], axis=1, dtype=np.int32).T
        points = np.stack([point_features(running[a:b]) for a, b in pairwise(pack["frame_offsets"])])
        clip, actor = [str(name) for name in pack["clip"]], pack["actor"].astype(np.int64)
        emotion = pack["emotion"].astype(np.int64)
        names = tuple(str(name) for name in pack["emotion_names"])
    with np.load(folder / "ravdess_frame_scores" / "ravdess_frame_scores.npz") as pack:
        scores = [score_features(pack["prob"][a:b]) for a, b in pairwise(pack["frame_offsets"])]
        scored = [str(name) for name in pack["clip"]]
    with np.load(folder / "ravdess_features" / "ravdess_features.npz") as pack:
        units, fold = pack["au"].astype(np.float64), pack["fold"].astype(np.int64)
        measured = [str(name) for name in pack["clip"]]
    if names != RAVDESS_EMOTIONS:
        raise ValueError(f"the emotions of the points are {names}, expected {RAVDESS_EMOTIONS}")
    rows = _places(measured, clip)
    parts = (points, units[rows], np.stack(scores)[_places(scored, clip)])
    return MeasuredFaces(clip, actor, emotion, fold[rows], dict(zip(PARTS, parts, strict=True)))


def held_out_faces(faces: MeasuredFaces, parts: Sequence[str] = PARTS) -> FloatArray:
    """Judge every film by a linear layer on these parts that never saw its actor: log scores [n, 8]."""
    found = np.zeros((len(faces.emotion), len(RAVDESS_EMOTIONS)))
    for fold in np.unique(faces.fold):
        there = faces.fold == fold
        learned, asked = [], []
        for part in parts:
            values = faces.parts[part]
            if part == "points":
                scale = make_pipeline(StandardScaler(), PCA(DIRECTIONS, random_state=0)).fit(values[~there])
                values = scale.transform(values)
            learned.append(values[~there])
            asked.append(values[there])
        layer = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=300, tol=1e-3)).fit(
            np.hstack(learned), faces.emotion[~there]
        )
        found[there] = layer.predict_log_proba(np.hstack(asked))
    return found


def joined(readings: Sequence[FloatArray], emotion: IntArray, fold: IntArray) -> FloatArray:
    """Add log scores, each with a weight; a fold's weights are fitted on the held-out films of the others.

    Args:
        readings: log scores [n, 8] of each way.
        emotion: [n] 0..7.
        fold: [n].

    Returns:
        Log scores [n, 8].
    """
    stacked, found = np.stack(readings), np.zeros_like(readings[0])
    for one in np.unique(fold):
        there = fold == one
        known, labels = stacked[:, ~there], emotion[~there]

        def loss(weights: FloatArray, known: FloatArray = known, labels: IntArray = labels) -> float:
            scores = log_softmax(np.tensordot(weights, known, 1), axis=1)
            return float(-scores[np.arange(len(labels)), labels].mean())

        weights = minimize(loss, np.ones(len(readings)), method="L-BFGS-B").x
        found[there] = log_softmax(np.tensordot(weights, stacked[:, there], 1), axis=1)
    return found


def _smoothed(values: FloatArray) -> FloatArray:
    """Mean over SMOOTHED neighbouring rows."""
    count = len(values) - SMOOTHED + 1
    smooth: FloatArray = np.mean([values[begin : begin + count] for begin in range(SMOOTHED)], axis=0)
    return smooth


def _places(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    place = {name: index for index, name in enumerate(names)}
    return [place[name] for name in wanted]
