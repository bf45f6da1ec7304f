"""Faces of one film linked over time into people. Nobody is recognised: an id holds inside one analysis.

Two steps. Faces that surely follow each other in one place are linked into tracklets
(`fusion_service.tracklets`). Then tracklets are joined, in order of time, to the people seen so far, by how
much all faces of both look alike in the mean: one face may be blurred or turned away, a dozen hardly are.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion_service.assignment import assign
from fusion_service.columns import FaceColumns, FloatArray, IntArray
from fusion_service.parameters import LinkingRules
from fusion_service.tracklets import (
    LEAST_FIT,
    FaceBox,
    FrameAtHand,
    Looks,
    TrackletLinker,
    fit_of_place,
    score_of,
)
from shared.deadlines import current_deadline

# People who may return; the one seen longest ago is forgotten first.
_REMEMBERED = 128
# Who is missed in one frame is still there in the next, however far apart frames are.
_STEPS_OF_PATIENCE = 2.5
# Fewer faces than this may all be blurred or turned away.
_FEW_FACES = 3
# Somebody is passing only beside someone with this many times their evidence.
_CLEARLY_MORE = 4.0


@dataclass(frozen=True, slots=True)
class _Rows:
    """All faces of a film: boxes by their centre, looks [n, k] and whether they are known [n]."""

    faces: FaceColumns
    boxes: list[FaceBox]
    looks: Looks
    known: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Tracklet:
    """Faces that surely are one person's.

    Args:
        first: row of the first.
        frames: in which they are.
        ended: seconds.
        looks: [k] the sum of those that are known.
        faces: how many those are.
    """

    first: int
    frames: frozenset[int]
    ended: float
    looks: NDArray[np.float64]
    faces: int


@dataclass(slots=True)
class _Person:
    """Somebody as far as the tracklets have been joined; looks and faces as in a tracklet."""

    number: int
    frames: set[int]
    ended: float
    looks: NDArray[np.float64]
    faces: int


def link_people(faces: FaceColumns, rules: LinkingRules, *, reminders: int = 0) -> IntArray:
    """Give every face the id of its person, from 1 in order of first appearance; 0 for a passing detection.

    Args:
        faces: all faces of a film, in order of time.
        rules: when two faces are the same person.
        reminders: the first so many frames were taken out of what came before; they are not a step apart.

    Returns:
        [n] ids, in the order of the rows.

    Raises:
        Problem: `deadline-exceeded`, between two frames.

    A detection is passing when it is so weak and short that it is more likely no face at all, and somebody
    else is seen much longer. Time and memory grow with the number of faces.
    """
    if len(faces) == 0:
        return np.zeros(0, dtype=np.int64)
    patience = max(rules.patience, _STEPS_OF_PATIENCE * _step(faces, reminders))
    centred = np.concatenate([faces.box[:, :2] + faces.box[:, 2:] / 2, faces.box[:, 2:]], axis=1)
    rows = _Rows(
        faces,
        boxes=[FaceBox(*row) for row in centred.tolist()],
        looks=np.nan_to_num(faces.appearance),
        known=np.isfinite(faces.appearance).all(axis=1) & (faces.appearance.shape[1] > 0),
    )
    linked = _link_in_place(rows, TrackletLinker(rows.looks.shape[1], patience, rules.continues))
    people = _Joiner(rows, linked, rules, patience).people()
    return _ids_of_people(people[linked], faces.detection, rules.passing_evidence)


def _step(faces: FaceColumns, reminders: int) -> float:
    """Seconds from a frame to the next, as a rule; 0 where only one holds faces."""
    frames, first = np.unique(faces.frame, return_index=True)
    frames, first = frames[frames >= reminders], first[frames >= reminders]
    return float(np.median(np.diff(faces.t[first]) / np.diff(frames))) if len(frames) > 1 else 0.0


def _link_in_place(rows: _Rows, linker: TrackletLinker) -> IntArray:
    """Give the tracklet of each face, from 0."""
    faces, known = rows.faces, rows.known.tolist()
    linked = np.empty(len(faces), dtype=np.int64)
    times = faces.t.tolist()
    first = np.flatnonzero(np.diff(faces.frame, prepend=-1))
    deadline = current_deadline.get()
    for begin, end in itertools.pairwise([*first.tolist(), len(faces)]):
        if deadline is not None:
            deadline.check()
        looks = rows.looks[begin:end]
        linked[begin:end] = linker.step(
            FrameAtHand(times[begin], rows.boxes[begin:end], looks, known[begin:end])
        )
    return linked


def _tracklets(rows: _Rows, linked: IntArray) -> list[_Tracklet]:
    """Gather the faces of each tracklet; they are in order of beginning."""
    order = np.argsort(linked, kind="stable")
    ends = np.flatnonzero(np.diff(linked[order], append=-1)) + 1
    found = []
    for own in np.split(order, ends[:-1]):
        first, last, known = int(own[0]), int(own[-1]), own[rows.known[own]]
        found.append(
            _Tracklet(
                first=first,
                frames=frozenset(rows.faces.frame[own].tolist()),
                ended=float(rows.faces.t[last]),
                looks=rows.looks[known].sum(axis=0, dtype=np.float64),
                faces=len(known),
            )
        )
    return found


class _Joiner:
    """Joins the tracklets of a film, in order of time, to the people seen so far.

    Args:
        rows: all faces.
        linked: the tracklet of each.
        rules: when two faces are the same person.
        patience: seconds for which place counts, at least those of the rules.
    """

    def __init__(self, rows: _Rows, linked: IntArray, rules: LinkingRules, patience: float) -> None:
        self._rows = rows
        self._linked = linked
        self._rules = rules
        self._patience = patience
        self._remembered: list[_Person] = []
        self._count = 0

    def people(self) -> IntArray:
        """Give the person of each tracklet, from 0; those that begin in one frame are placed together."""
        tracklets = _tracklets(self._rows, self._linked)
        joined = np.full(len(tracklets), -1, dtype=np.int64)
        at = 0
        deadline = current_deadline.get()
        for _, together in itertools.groupby(tracklets, key=lambda one: self._rows.faces.frame[one.first]):
            if deadline is not None:
                deadline.check()
            group = list(together)
            chosen = assign(self._candidates(group, self._places(group[0].first, joined)))
            for tracklet, index in zip(group, chosen, strict=True):
                person = self._new(tracklet) if index is None else self._remembered[index]
                _add(person, tracklet)
                joined[at] = person.number
                at += 1
            self._forget()
        return joined

    def _places(self, row: int, joined: IntArray) -> dict[int, int]:
        """Give the face in which each person was last, by number, in the frames shortly before a row's."""
        t, frame = self._rows.faces.t, self._rows.faces.frame
        begin, end = np.searchsorted(t, t[row] - self._patience), np.searchsorted(frame, frame[row])
        before = range(int(begin), int(end))
        # Of several the last one stays.
        return dict(zip(joined[self._linked[begin:end]].tolist(), before, strict=True))

    def _candidates(
        self, tracklets: Sequence[_Tracklet], places: Mapping[int, int]
    ) -> list[dict[int, float]]:
        """People whom each tracklet may belong to, with scores above 0."""
        candidates: list[dict[int, float]] = [{} for _ in tracklets]
        rows = [places.get(person.number) for person in self._remembered]
        alike = _alike(tracklets, self._remembered)
        for at, index in np.argwhere(alike >= self._least_alike(rows)).tolist():
            tracklet, person, row = tracklets[at], self._remembered[index], rows[index]
            looks = float(alike[at, index])
            fit = 0.0 if row is None else self._fit(tracklet.first, row)
            # One or two faces between those of one person who stays in place.
            between = tracklet.faces < _FEW_FACES and fit >= LEAST_FIT and person.ended > tracklet.ended
            needed = self._rules.different if between else self._rules.same
            if looks >= needed and person.frames.isdisjoint(tracklet.frames):
                candidates[at][index] = score_of(fit, looks)
        return candidates

    def _least_alike(self, rows: Sequence[int | None]) -> FloatArray:
        """Cosine [p] below which nobody is looked at any closer: among strangers that is nearly everybody."""
        same, different = self._rules.same, self._rules.different
        return np.asarray([same if row is None else min(same, different) for row in rows])

    def _fit(self, row: int, before: int) -> float:
        elapsed = float(self._rows.faces.t[row] - self._rows.faces.t[before])
        return fit_of_place(elapsed, self._rows.boxes[row], self._rows.boxes[before])

    def _new(self, tracklet: _Tracklet) -> _Person:
        person = _Person(self._count, set(), tracklet.ended, np.zeros_like(tracklet.looks), 0)
        self._remembered.append(person)
        self._count += 1
        return person

    def _forget(self) -> None:
        if len(self._remembered) > _REMEMBERED:
            by_end = sorted(self._remembered, key=lambda one: (one.ended, one.number))
            self._remembered = by_end[-_REMEMBERED:]


def _alike(tracklets: Sequence[_Tracklet], people: Sequence[_Person]) -> FloatArray:
    """Mean cosine over all pairs of faces of each tracklet and each person; NaN where no looks are known.

    Unlike the cosine of means it does not fall where faces are few.
    """
    if not people:
        return np.zeros((len(tracklets), 0))
    sums = np.stack([one.looks for one in tracklets]) @ np.stack([one.looks for one in people]).T
    pairs = np.outer([one.faces for one in tracklets], [one.faces for one in people])
    means: FloatArray = np.divide(sums, pairs, out=np.full(sums.shape, np.nan), where=pairs > 0)
    return means


def _add(person: _Person, tracklet: _Tracklet) -> None:
    person.frames |= tracklet.frames
    person.ended = max(person.ended, tracklet.ended)
    person.looks = person.looks + tracklet.looks
    person.faces += tracklet.faces


def _ids_of_people(people: IntArray, detection: NDArray[np.float64], passing_evidence: float) -> IntArray:
    """Number those who are no passing detection from 1, in order of first appearance; the others become 0."""
    numbers, first, inverse = np.unique(people, return_index=True, return_inverse=True)
    evidence = np.bincount(inverse, weights=detection**2, minlength=len(numbers))
    passing = (evidence < passing_evidence) & (evidence * _CLEARLY_MORE <= evidence.max())
    ids = np.zeros(len(numbers), dtype=np.int64)
    kept = [index for index in np.argsort(first, kind="stable") if not passing[index]]
    ids[kept] = np.arange(1, len(kept) + 1)
    return ids[inverse]
