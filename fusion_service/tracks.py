"""What a face does over time: statistics of its expression vectors, a linear layer and votes over them.

A still picture tells a resting frown from anger badly; how a face moves, about its own rest, tells more.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fusion_service.calibration import log_scores, softmax
from fusion_service.columns import FaceColumns, FloatArray, IntArray
from fusion_service.pair_votes import vote_logits
from fusion_service.parameters import TrackHead


def roots(expression: NDArray[np.floating]) -> FloatArray:
    """Spread small movements: most coefficients (0..1) are below 0.1 most of the time."""
    return np.sqrt(np.clip(np.asarray(expression, dtype=np.float64), 0.0, None))


def held_features(values: FloatArray) -> FloatArray:
    """Describe how a face is held: mean and 10, 50 and 90 % quantile of values [f, b], together [4 * b]."""
    return np.concatenate([values.mean(axis=0), *np.quantile(values, [0.1, 0.5, 0.9], axis=0)])


def moved_features(values: FloatArray, t: FloatArray) -> FloatArray:
    """Describe how a face moves about its rest; adding a constant to `values` changes nothing.

    Args:
        values: [f, b] roots of coefficients in order of time, f at least 2.
        t: [f] seconds.

    Returns:
        [5 * b] spread, range from 10 to 90 %, mean change in a second, and how far 90 and 10 % lie from the
        median.
    """
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9], axis=0)
    change = np.abs(np.diff(values, axis=0)).sum(axis=0) / max(float(t[-1] - t[0]), 1e-3)
    return np.concatenate([values.std(axis=0), high - low, change, high - middle, middle - low])


def track_features(expression: NDArray[np.floating], t: FloatArray) -> FloatArray:
    """Describe one face over time.

    Args:
        expression: [f, b] blendshape coefficients, 0..1, in order of time, f at least 2.
        t: [f] seconds.

    Returns:
        [9 * b] how the face is held, then how it moves.
    """
    values = roots(expression)
    return np.concatenate([held_features(values), moved_features(values, t)])


@dataclass(frozen=True)
class TrackReader:
    """What was learned, ready to read many stretches."""

    head: TrackHead

    @cached_property
    def _layer(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        head = self.head
        return (
            np.asarray(head.centre),
            np.asarray(head.scale),
            np.asarray(head.weights),
            np.asarray(head.bias),
        )

    def read(self, faces: FaceColumns, people: IntArray) -> FloatArray:
        """Join the still scores of every face with what that face does in the seconds around.

        Args:
            faces: all faces, in order of time.
            people: [n] id of the person of each face; 0 is left as it is.

        Returns:
            [n, 7] scores; those of the still picture where too little of the person is seen. A face without
            an expression vector (they are read of every second frame or so) shares what the same person's
            nearest face with one shows.
        """
        scores = faces.scores
        if faces.expression.shape[1] != self.head.dimensions:
            return scores
        known = np.flatnonzero(np.isfinite(faces.expression[:, 0]) & (people > 0))
        known = known[np.lexsort((faces.t[known], people[known]))]
        said = np.full_like(scores, np.nan)
        for rows in self._stretches(known, people, faces.t):
            chosen = rows[every(faces.t[rows], self.head.step_seconds)]
            moved = self._over_time(faces.expression[chosen], faces.t[chosen])
            if moved is not None:
                said[rows] = moved
        heard = nearest_known(faces.t, people, known, furthest=self.head.longest_step_seconds)
        rows = np.flatnonzero((heard >= 0) & np.isfinite(said[heard, 0]))
        joined = scores.copy()
        joined[rows] = softmax(self.head.still_weight * log_scores(scores[rows]) + said[heard[rows]])
        return joined

    def _stretches(self, rows: IntArray, people: IntArray, t: FloatArray) -> list[IntArray]:
        """Cut rows, sorted by person and time, where the person changes, at gaps, and into windows."""
        breaks = (np.diff(people[rows]) != 0) | (np.diff(t[rows]) > self.head.longest_step_seconds)
        stretches = []
        for stretch in np.split(rows, np.flatnonzero(breaks) + 1):
            if len(stretch) == 0:
                continue
            elapsed = t[stretch] - t[stretch[0]]
            parts = max(1, int(np.ceil(elapsed[-1] / self.head.window_seconds)))
            part = np.minimum((elapsed / max(elapsed[-1], 1e-9) * parts).astype(np.int64), parts - 1)
            stretches += np.split(stretch, np.flatnonzero(np.diff(part)) + 1)
        return stretches

    def _over_time(self, expression: NDArray[np.float32], t: FloatArray) -> FloatArray | None:
        """Weighted log scores [7] of one stretch; None when it is too short."""
        head = self.head
        if len(t) < head.min_frames or t[-1] - t[0] < head.min_seconds:
            return None
        centre, scale, weights, bias = self._layer
        features = (track_features(expression, t) - centre) / scale
        near = np.clip(features, -head.furthest, head.furthest)
        said = head.weight * log_scores(softmax((weights @ near + bias) / head.temperature))
        if head.votes is not None:
            logits = vote_logits(features[None], head.votes)[0]
            said = said + head.votes.weight * log_scores(softmax(logits / head.votes.temperature))
        return said


def every(t: FloatArray, step: float) -> IntArray:
    """Choose times [f], in order, that follow each other by about `step` seconds or more."""
    if len(t) < 2 or np.diff(t).min() >= step:
        return np.arange(len(t))
    # By slots of one step, so that the choice does not depend on how many frames lie between.
    slots = np.floor((t - t[0]) / step + 1e-6)
    return np.flatnonzero(np.diff(slots, prepend=-1) > 0)


def nearest_known(t: FloatArray, people: IntArray, known: IntArray, *, furthest: float) -> IntArray:
    """Give for every face the nearest in time of the same person's faces with an expression vector.

    Args:
        t: [n] seconds.
        people: [n] id of the person of each face; 0 is nobody.
        known: [k] rows with a vector, sorted by person, then by time.
        furthest: seconds beyond which a face is too far away.

    Returns:
        [n] rows, the row itself where it has a vector; -1 where there is none.
    """
    found = np.full(len(t), -1, dtype=np.int64)
    order = np.argsort(people, kind="stable")
    sorted_people = people[order]
    for own in np.split(known, np.flatnonzero(np.diff(people[known])) + 1):
        if len(own) == 0:
            continue
        person = people[own[0]]
        begin, end = np.searchsorted(sorted_people, person), np.searchsorted(sorted_people, person, "right")
        rows = order[begin:end]
        after = np.clip(np.searchsorted(t[own], t[rows]), 1, max(1, len(own) - 1))
        before = own[after - 1]
        following = own[np.minimum(after, len(own) - 1)]
        nearer = np.where(t[rows] - t[before] <= t[following] - t[rows], before, following)
        close = np.abs(t[nearer] - t[rows]) <= furthest
        found[rows[close]] = nearer[close]
    return found
