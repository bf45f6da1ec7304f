"""Faces of one film linked over time where they are: stretches in which one person surely stays in sight.

Every frame's faces are assigned one to one to the tracklets known so far, by how well the box fits the place
where the tracklet should be by now and by how much the two look alike. Whoever suddenly looks different in
the same place begins a new tracklet: a cut between two people who are filmed alike, or one who turns the
head. `fusion_service.people` tells which, with all faces of both before it.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusion_service.assignment import assign

# Tracklets that may go on; the one seen longest ago is forgotten first.
_REMEMBERED = 128
LEAST_FIT = 0.1
# How far ahead a movement is believed, seconds.
_MOVEMENT_AHEAD = 0.6
# Worth of "stayed where it was" against "went on as it moved".
_STAYED = 0.8
# Worth of looks against place: a tenth more alike outweighs a perfect fit.
_LOOKS = 15.0
# How much the newest face moves the remembered appearance.
_APPEARANCE_RATE = 0.1

Looks = NDArray[np.float32]


class FaceBox(NamedTuple):
    """Centre and size of a face in fractions of the picture."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class FrameAtHand:
    """The faces of the frame at hand: their boxes, looks [n, k] and whether the looks are known."""

    t: float
    boxes: list[FaceBox]
    looks: Looks
    known: list[bool]


@dataclass(slots=True)
class _Tracklet:
    """Somebody in sight, as far as the film has been read."""

    number: int
    t: float
    box: FaceBox
    known: bool
    speed_x: float = 0.0
    speed_y: float = 0.0


class TrackletLinker:
    """The tracklets of one film, fed frame by frame. A tracklet's place in the list is its row in the looks.

    Args:
        length: of the looks.
        patience: seconds without detection after which place no longer counts.
        continues: cosine of the looks below which a tracklet ends, -1..1.
    """

    def __init__(self, length: int, patience: float, continues: float) -> None:
        self._patience = patience
        self._continues = continues
        self._tracklets: list[_Tracklet] = []
        # How each looks over time, and how it looked last: who turns away looks less and less like before,
        # but always like a moment ago.
        self._looks = np.zeros((_REMEMBERED, length), dtype=np.float32)
        self._last_looks = np.zeros((_REMEMBERED, length), dtype=np.float32)
        self._count = 0

    def step(self, frame: FrameAtHand) -> list[int]:
        """Give the number of the tracklet of each face of the next frame, from 0 in order of beginning."""
        chosen = assign(self._candidates(frame))
        for face, index in enumerate(chosen):
            if index is not None:
                self._follow(frame, face, index)
        return [
            self._tracklets[self._begin(frame, face) if index is None else index].number
            for face, index in enumerate(chosen)
        ]

    def _candidates(self, frame: FrameAtHand) -> list[dict[int, float]]:
        """Tracklets that each face may continue, with scores above 0."""
        candidates: list[dict[int, float]] = [{} for _ in frame.boxes]
        active = [
            index for index, tracklet in enumerate(self._tracklets) if frame.t - tracklet.t <= self._patience
        ]
        for face, index, looks in self._not_unlike(frame, active):
            tracklet = self._tracklets[index]
            fit = _fit(frame.t - tracklet.t, frame.boxes[face], tracklet)
            if fit >= LEAST_FIT:
                candidates[face][index] = fit if looks is None else score_of(fit, looks)
        return candidates

    def _not_unlike(self, frame: FrameAtHand, active: list[int]) -> list[tuple[int, int, float | None]]:
        """Pair faces with tracklets that they do not differ from, with the cosine where both looks are known.

        By whole columns: where all are strangers, hardly any of a hundred tracklets a face is left.
        """
        if not active:
            return []
        rows = slice(len(self._tracklets))
        cosines = np.maximum(frame.looks @ self._looks[rows].T, frame.looks @ self._last_looks[rows].T)
        told = np.outer(frame.known, [self._tracklets[index].known for index in active])
        cosines = cosines[:, active].astype(np.float64)
        faces, at = np.nonzero(~told | (cosines >= self._continues))
        pairs = zip(
            faces.tolist(), at.tolist(), told[faces, at].tolist(), cosines[faces, at].tolist(), strict=True
        )
        return [(face, active[place], looks if known else None) for face, place, known, looks in pairs]

    def _begin(self, frame: FrameAtHand, face: int) -> int:
        """Begin a tracklet, in place of the one seen longest ago where too many are remembered."""
        begun = _Tracklet(self._count, frame.t, frame.boxes[face], frame.known[face])
        self._count += 1
        if len(self._tracklets) < _REMEMBERED:
            self._tracklets.append(begun)
            index = len(self._tracklets) - 1
        else:
            seen = [(tracklet.t, tracklet.number) for tracklet in self._tracklets]
            index = seen.index(min(seen))
            self._tracklets[index] = begun
        self._looks[index] = self._last_looks[index] = frame.looks[face]
        return index

    def _follow(self, frame: FrameAtHand, face: int, index: int) -> None:
        """Move a tracklet to the face that continues it."""
        tracklet, box = self._tracklets[index], frame.boxes[face]
        elapsed = frame.t - tracklet.t
        if 0 < elapsed <= self._patience:
            # The first step is believed whole, later ones are averaged.
            keep = 0.0 if tracklet.speed_x == 0.0 == tracklet.speed_y else 0.5
            tracklet.speed_x = keep * tracklet.speed_x + (1 - keep) * (box.x - tracklet.box.x) / elapsed
            tracklet.speed_y = keep * tracklet.speed_y + (1 - keep) * (box.y - tracklet.box.y) / elapsed
        else:
            tracklet.speed_x = tracklet.speed_y = 0.0
        tracklet.t, tracklet.box = frame.t, box
        if frame.known[face]:
            rate = np.float32(_APPEARANCE_RATE if tracklet.known else 1.0)
            looks = self._looks[index]
            looks += rate * (frame.looks[face] - looks)
            looks /= math.sqrt(float(looks @ looks)) or 1.0
            self._last_looks[index] = frame.looks[face]
            tracklet.known = True


def score_of(fit: float, looks: float) -> float:
    """Weigh a place that fits 0..1 and looks with a cosine of -1..1; above 1, for no looks say less."""
    return fit + 1.0 + _LOOKS * max(looks, 0.0)


def _fit(elapsed: float, box: FaceBox, tracklet: _Tracklet) -> float:
    """How well the box fits the place where the tracklet should be: 1 = exactly, 0 = not at all."""
    stayed = fit_of_place(elapsed, box, tracklet.box)
    if tracklet.speed_x == 0.0 == tracklet.speed_y:
        return stayed
    ahead = min(elapsed, _MOVEMENT_AHEAD)
    there = tracklet.box._replace(
        x=tracklet.box.x + tracklet.speed_x * ahead, y=tracklet.box.y + tracklet.speed_y * ahead
    )
    # Whoever stands still again has not followed the movement; where both fit, the movement is believed.
    return max(fit_of_place(elapsed, box, there), _STAYED * stayed)


def fit_of_place(elapsed: float, box: FaceBox, before: FaceBox) -> float:
    """How well a box fits the place of another some seconds before, 0..1: their intersection over union.

    Where they overlap little, at least a likeness of size and place that falls off to 0 at a distance of one
    to two boxes: at a few frames a second a small face moves further than its own size.
    """
    reach = 1.0 + min(elapsed, 1.0)
    width, height = max(box.width, before.width), max(box.height, before.height)
    off_x, off_y = abs(box.x - before.x), abs(box.y - before.y)
    if off_x >= reach * width or off_y >= reach * height:
        return 0.0
    distance = math.hypot(off_x / width, off_y / height)
    near = 1.0 - distance / reach
    if near <= 0:
        return 0.0
    areas = box.width * box.height, before.width * before.height
    across = min((box.width + before.width) / 2 - off_x, box.width, before.width)
    down = min((box.height + before.height) / 2 - off_y, box.height, before.height)
    common = across * down if across > 0 and down > 0 else 0.0
    return max(common / (sum(areas) - common), near * min(areas) / max(areas))
