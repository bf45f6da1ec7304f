"""Faces of one film linked over time into people. Nobody is recognised: an id holds inside one analysis.

Every frame's faces are assigned one to one to the tracks known so far, by how well the box fits the place
where the track should be by now and by how much the two look alike. Place counts for as long as a short gap
in detection, looks for the whole film; looks that differ clearly are never linked, however well the box fits
(a cut between two people who are filmed alike), and looks that agree clearly are linked from any place (a
cut, or a return).
"""

import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusion_service.assignment import assign
from fusion_service.columns import FaceColumns, IntArray
from fusion_service.parameters import LinkingRules
from shared.deadlines import current_deadline

# Tracks that are remembered for a return; the one seen longest ago is forgotten first.
_REMEMBERED = 128
_LEAST_FIT = 0.1
# How far ahead a movement is believed, seconds.
_MOVEMENT_AHEAD = 0.6
# Worth of "stayed where it was" against "went on as it moved".
_STAYED = 0.8
# Worth of looks against place: a tenth more alike outweighs a perfect fit.
_LOOKS = 15.0
# Who is missed in one frame is still there in the next, however far apart frames are.
_STEPS_OF_PATIENCE = 2.5
# How much the newest face moves the remembered appearance.
_APPEARANCE_RATE = 0.1
# A track is passing only beside someone with this many times its evidence.
_CLEARLY_MORE = 4.0

Looks = NDArray[np.float32]
Cosines = list[list[float | None]]


@dataclass(slots=True)
class _Track:
    """One person as far as the film has been read; box as centre and size in fractions of the picture."""

    number: int
    t: float
    box: "_Box"
    known: bool
    speed_x: float = 0.0
    speed_y: float = 0.0


class _Box(NamedTuple):
    """Centre and size of a face in fractions of the picture."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _Frame:
    """The faces of the frame at hand: their boxes, looks [n, k] and whether the looks are known."""

    t: float
    boxes: list[_Box]
    looks: Looks
    known: list[bool]


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
    else is seen much longer. Time grows with the number of faces, memory with the number of tracks
    remembered.
    """
    if len(faces) == 0:
        return np.zeros(0, dtype=np.int64)
    patience = max(rules.patience, _STEPS_OF_PATIENCE * _step(faces, reminders))
    linker = _Linker(rules, faces.appearance.shape[1], patience)
    tracks = np.empty(len(faces), dtype=np.int64)
    centred = np.concatenate([faces.box[:, :2] + faces.box[:, 2:] / 2, faces.box[:, 2:]], axis=1)
    boxes = [_Box(*row) for row in centred.tolist()]
    times = faces.t.tolist()
    looks = np.nan_to_num(faces.appearance)
    known = np.isfinite(faces.appearance).all(axis=1) & (faces.appearance.shape[1] > 0)
    known_list = known.tolist()
    first = np.flatnonzero(np.diff(faces.frame, prepend=-1))
    deadline = current_deadline.get()
    for begin, end in itertools.pairwise([*first.tolist(), len(faces)]):
        if deadline is not None:
            deadline.check()
        frame = _Frame(times[begin], boxes[begin:end], looks[begin:end], known_list[begin:end])
        tracks[begin:end] = linker.step(frame)
    return _ids_of_people(tracks, faces.detection, rules.passing_evidence)


def _step(faces: FaceColumns, reminders: int) -> float:
    """Seconds from a frame to the next, as a rule; 0 where only one holds faces."""
    frames, first = np.unique(faces.frame, return_index=True)
    frames, first = frames[frames >= reminders], first[frames >= reminders]
    return float(np.median(np.diff(faces.t[first]) / np.diff(frames))) if len(frames) > 1 else 0.0


def _ids_of_people(tracks: IntArray, detection: NDArray[np.float64], passing_evidence: float) -> IntArray:
    """Number the tracks that are people from 1, in order of first appearance; the others become 0."""
    numbers, first, inverse = np.unique(tracks, return_index=True, return_inverse=True)
    evidence = np.bincount(inverse, weights=detection**2, minlength=len(numbers))
    passing = (evidence < passing_evidence) & (evidence * _CLEARLY_MORE <= evidence.max())
    ids = np.zeros(len(numbers), dtype=np.int64)
    kept = [index for index in np.argsort(first, kind="stable") if not passing[index]]
    ids[kept] = np.arange(1, len(kept) + 1)
    return ids[inverse]


class _Linker:
    """The tracks of one film, fed frame by frame. A track's place in the list is its row in the looks.

    Args:
        rules: when two faces are the same person.
        length: of the looks.
        patience: seconds for which place counts, at least those of the rules.
    """

    def __init__(self, rules: LinkingRules, length: int, patience: float) -> None:
        self._rules = rules
        self._patience = patience
        # Somebody else may look the same as far as the rules can tell, but not that much the same.
        self._sure = (1.0 + rules.same) / 2
        self._tracks: list[_Track] = []
        # How each track looks over time, and how it looked last: who turns away looks less and less like
        # before, but always like a moment ago.
        self._looks = np.zeros((_REMEMBERED, length), dtype=np.float32)
        self._last_looks = np.zeros((_REMEMBERED, length), dtype=np.float32)
        self._count = 0

    def step(self, frame: _Frame) -> list[int]:
        """Give the number of the track of each face of the next frame."""
        alike = self._alike(frame, self._looks)
        lately = self._alike(frame, self._last_looks)
        candidates = self._by_place(frame, alike, lately)
        chosen = assign(candidates)
        if not self._all_sure(alike, lately, chosen):
            # Somebody jumped, returned or is new: everybody who is remembered is asked.
            self._add_returns(alike, candidates)
            chosen = assign(candidates)
        for face, track in enumerate(chosen):
            if track is not None:
                self._follow(frame, face, track)
        return [
            self._tracks[self._begin(frame, face) if track is None else track].number
            for face, track in enumerate(chosen)
        ]

    def _alike(self, frame: _Frame, looks: Looks) -> Cosines:
        """Cosine of the looks of every face and every track, -1..1; None where one is not known."""
        cosines = (frame.looks @ looks[: len(self._tracks)].T).tolist()
        return [
            [
                cosine if known and track.known else None
                for cosine, track in zip(row, self._tracks, strict=True)
            ]
            for row, known in zip(cosines, frame.known, strict=True)
        ]

    def _by_place(self, frame: _Frame, alike: Cosines, lately: Cosines) -> list[dict[int, float]]:
        """Tracks that each face may continue from where they are, with scores above 0."""
        candidates: list[dict[int, float]] = [{} for _ in frame.boxes]
        for index, track in enumerate(self._tracks):
            elapsed = frame.t - track.t
            if elapsed > self._patience:
                continue
            for box, row, last, scores in zip(frame.boxes, alike, lately, candidates, strict=True):
                looks = _higher(row[index], last[index])
                if looks is not None and looks < self._rules.different:
                    continue
                fit = _fit(elapsed, box, track)
                if fit >= _LEAST_FIT:
                    scores[index] = fit if looks is None else fit + 1.0 + _LOOKS * max(looks, 0.0)
        return candidates

    def _all_sure(self, alike: Cosines, lately: Cosines, chosen: list[int | None]) -> bool:
        """Whether nobody can be better placed with a track that is not where it was."""
        for row, last, track in zip(alike, lately, chosen, strict=True):
            looks = None if track is None else _higher(row[track], last[track])
            if track is None or (looks is not None and looks < self._sure):
                return False
        return True

    def _add_returns(self, alike: Cosines, candidates: list[dict[int, float]]) -> None:
        """Add the tracks that look the same, wherever and whenever they were seen last."""
        for row, scores in zip(alike, candidates, strict=True):
            for index, looks in enumerate(row):
                if looks is not None and looks >= self._rules.same and index not in scores:
                    scores[index] = 1.0 + _LOOKS * max(looks, 0.0)

    def _begin(self, frame: _Frame, face: int) -> int:
        """Begin a new track, in place of the one seen longest ago where too many are remembered."""
        self._count += 1
        track = _Track(self._count, frame.t, frame.boxes[face], frame.known[face])
        if len(self._tracks) < _REMEMBERED:
            self._tracks.append(track)
            index = len(self._tracks) - 1
        else:
            index = min(range(_REMEMBERED), key=lambda at: (self._tracks[at].t, self._tracks[at].number))
            self._tracks[index] = track
        self._looks[index] = self._last_looks[index] = frame.looks[face]
        return index

    def _follow(self, frame: _Frame, face: int, index: int) -> None:
        """Move a track to the face that continues it."""
        track, box = self._tracks[index], frame.boxes[face]
        elapsed = frame.t - track.t
        if 0 < elapsed <= self._rules.patience:
            # The first step is believed whole, later ones are averaged.
            keep = 0.0 if track.speed_x == 0.0 == track.speed_y else 0.5
            track.speed_x = keep * track.speed_x + (1 - keep) * (box.x - track.box.x) / elapsed
            track.speed_y = keep * track.speed_y + (1 - keep) * (box.y - track.box.y) / elapsed
        else:
            track.speed_x = track.speed_y = 0.0
        track.t, track.box = frame.t, box
        if frame.known[face]:
            rate = np.float32(_APPEARANCE_RATE if track.known else 1.0)
            looks = self._looks[index]
            looks += rate * (frame.looks[face] - looks)
            looks /= math.sqrt(float(looks @ looks)) or 1.0
            self._last_looks[index] = frame.looks[face]
            track.known = True


def _higher(one: float | None, other: float | None) -> float | None:
    return other if one is None or (other is not None and other > one) else one


def _fit(elapsed: float, box: _Box, track: _Track) -> float:
    """How well the box fits the place where the track should be: 1 = exactly, 0 = not at all."""
    reach = 1.0 + min(elapsed, 1.0)
    off_x, off_y = box.x - track.box.x, box.y - track.box.y
    stayed = _overlap(box, track.box, off_x, off_y, reach)
    if track.speed_x == 0.0 == track.speed_y:
        return stayed
    ahead = min(elapsed, _MOVEMENT_AHEAD)
    moved = _overlap(box, track.box, off_x - track.speed_x * ahead, off_y - track.speed_y * ahead, reach)
    # Whoever stands still again has not followed the movement; where both fit, the movement is believed.
    return max(moved, _STAYED * stayed)


def _overlap(box: _Box, other: _Box, off_x: float, off_y: float, reach: float) -> float:
    """Intersection over union of two boxes whose centres lie `off_x`, `off_y` apart.

    Where they overlap little, at least a likeness of size and place that falls off to 0 at a distance of
    `reach`
    boxes: at a few frames a second a small face moves further than its own size.
    """
    width, height = max(box.width, other.width), max(box.height, other.height)
    off_x, off_y = abs(off_x), abs(off_y)
    if off_x >= reach * width or off_y >= reach * height:
        return 0.0
    distance = math.hypot(off_x / width, off_y / height)
    near = 1.0 - distance / reach
    if near <= 0:
        return 0.0
    areas = box.width * box.height, other.width * other.height
    across = min((box.width + other.width) / 2 - off_x, box.width, other.width)
    down = min((box.height + other.height) / 2 - off_y, box.height, other.height)
    common = across * down if across > 0 and down > 0 else 0.0
    return max(common / (sum(areas) - common), near * min(areas) / max(areas))
