"""The default detector: YuNet, with a second look at doubtful faces and a cheap one at faces just seen.

YuNet finds faces from 10 to 300 pixels and at every roll, but its points lean towards upright faces and its
scores fall beyond 30 degrees. So what scores low or leans is looked at again in a square of its own, turned
by several angles; the best turn gives the points, and a face that no turn makes sure of is dropped. Faces
that fill the picture are seen twice at full scale, so those are taken from a pass at half scale. Where
nothing is found at all, the picture is turned to both sides.

In a film most frames hold the faces of the frame before. So three of four are looked at from afar (a quarter
of the work); where the same faces are there, only their points are found at full scale, and where not, all
is searched.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from face_service.detection import Detection, Picture, keep_best, overlap
from shared.inference import InferenceSession

STRIDES = (8, 16, 32)
_OVERLAP = 0.3
# The second look: angles tried in degrees, the face's size in pixels while trying and for its points, and
# what counts as upright there; then how often the lean is measured again, and when it is known well enough.
_AROUND = (0.0, 60.0, 120.0, 180.0, -120.0, -60.0)
_SCAN_FACE = 64
_POINTS_FACE = 96
_UPRIGHT = 40.0
_REFINEMENTS = 2
_GOOD_ENOUGH = 8.0
_WORSE = 0.05
# Looking from afar pays when it is so many times smaller.
_WORTHWHILE = 1.6
# Intersection over union from which a face is the one of the frame before.
_SAME_FACE = 0.35


@dataclass(frozen=True)
class YunetOptions:
    """How thoroughly to look; lengths in pixels.

    Args:
        longest_side: pictures are shrunk to this before the first pass.
        shortest_side: smaller pictures are enlarged so that their longer side has this.
        large_picture_side: used instead of `longest_side` once nothing was found.
        sides: sides of the network's input, so that few shapes exist; multiples of 32, rising, the last one
        at
            least `large_picture_side`.
        sure: a face with this score, or more, is taken.
        doubtful: a face with this score, or more, gets a second look.
        confirmed: the score that a doubtful face must reach there.
        look_again_below: score below which the points are not trusted as they are (upright ones of 100
            pixels have more).
        look_again_beyond: roll in degrees beyond which the points are not trusted as they are.
        look_again_side: smallest face, in pixels of the pass, for which turning it is worthwhile.
        looks: how many faces of one picture may get a second look.
        large_face: boxes larger than this come from the pass at half scale.
        search_every: in a film, of so many frames one is searched whole at full scale.
        follow_side: the others are shrunk to this to see whether anything changed.
    """

    longest_side: int = 640
    shortest_side: int = 192
    large_picture_side: int = 1280
    sides: tuple[int, ...] = (192, 320, 384, 480, 640, 960, 1280)
    sure: float = 0.6
    doubtful: float = 0.45
    confirmed: float = 0.75
    look_again_below: float = 0.9
    look_again_beyond: float = 18.0
    look_again_side: float = 20.0
    looks: int = 4
    large_face: float = 288.0
    search_every: int = 4
    follow_side: int = 320


class YunetDetector:
    """Finds faces with five points each; see the module.

    Args:
        session: the network of `training/third_party/yunet.py`.
        options: how thoroughly to look.
    """

    def __init__(self, session: InferenceSession, options: YunetOptions | None = None) -> None:
        self._session = session
        self._options = options or YunetOptions()

    def detect(self, pictures: Sequence[Picture], *, film: bool) -> list[list[Detection]]:
        """Find the faces of each picture; see `Detector.detect`."""
        found: list[list[Detection]] = []
        for index, picture in enumerate(pictures):
            followed = None
            if film and index % self._options.search_every:
                followed = self._follow(picture, found[-1])
            found.append(self._search(picture) if followed is None else followed)
        return found

    def look_once(self, picture: Picture, scale: float) -> list[Detection]:
        """Find faces in one pass at a scale, without a second look."""
        found = [face for face in self._pass(_resized(picture, scale)) if face.score >= self._options.sure]
        return [_moved(face, 1 / scale) for face in found]

    def _follow(self, picture: Picture, before: list[Detection]) -> list[Detection] | None:
        """Find the faces of the frame before again, where they can be told for sure; None where not."""
        options = self._options
        scale = min(1.0, options.longest_side / max(picture.shape[:2]))
        coarse = min(1.0, options.follow_side / max(picture.shape[:2]))
        if coarse * _WORTHWHILE > scale:
            return None
        smallest = min((max(face.box[2:]) for face in before), default=0.0)
        if smallest * coarse < options.look_again_side:
            return None
        seen = self.look_once(picture, coarse)
        if len(seen) != len(before) or not _same_places(seen, before):
            return None
        view = _resized(picture, scale)
        points = [
            self._turned(view, _moved(face, scale), (_lean_of_nearest(face, before),), _POINTS_FACE)
            for face in seen
        ]
        sure = [_moved(face, 1 / scale) for face in points if face is not None and face.score >= options.sure]
        return keep_best(sure, overlap_above=_OVERLAP) if len(sure) == len(before) else None

    def _search(self, picture: Picture) -> list[Detection]:
        """Look everywhere."""
        options = self._options
        longest = max(picture.shape[:2])
        scale = min(options.longest_side / longest, max(1.0, options.shortest_side / longest))
        found = self._look(picture, scale)
        if not found and scale < 1:
            found = self._look(picture, min(1.0, options.large_picture_side / longest))
        return found

    def _look(self, picture: Picture, scale: float) -> list[Detection]:
        """Find faces in the picture at a scale; detections in pixels of the picture itself."""
        options = self._options
        view = _resized(picture, scale)
        found = self._pass(view)
        if not found or any(max(detection.box[2:]) > options.large_face for detection in found):
            half = [_moved(detection, 2.0) for detection in self._pass(_resized(view, 0.5))]
            found = [detection for detection in found if max(detection.box[2:]) <= options.large_face]
            found = keep_best([*found, *half], overlap_above=_OVERLAP)
        if not found:
            found = [_moved(detection, 2.0) for detection in self._lying(_resized(view, 0.5))]
        sure = [
            face for face in (self._make_sure(view, rank, face) for rank, face in enumerate(found)) if face
        ]
        height, width = picture.shape[:2]
        to_picture = np.array([width / view.shape[1], height / view.shape[0]])
        return [_moved(face, to_picture) for face in keep_best(sure, overlap_above=_OVERLAP)]

    def _lying(self, view: Picture) -> list[Detection]:
        """Find faces that lie on one side, by turning the whole view."""
        height, width = view.shape[:2]
        found: list[Detection] = []
        for quarters, back in (
            (1, np.array([[0.0, -1.0, width], [1.0, 0.0, 0.0]])),
            (-1, np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, height]])),
        ):
            lying = self._pass(np.ascontiguousarray(np.rot90(view, quarters)))
            found += [_turned_back(face, back, lying=1.0) for face in lying if _stands(face)]
        return keep_best(found, overlap_above=_OVERLAP)

    def _pass(self, view: Picture) -> list[Detection]:
        """Run the network once over a whole view."""
        height, width = view.shape[:2]
        shape = [next(side for side in self._options.sides if side >= length) for length in (height, width)]
        padded = np.zeros((1, *shape, 3), dtype=np.uint8)
        padded[0, :height, :width] = view
        return keep_best(self._propose(padded)[0], overlap_above=_OVERLAP)

    def _propose(self, views: NDArray[np.uint8]) -> list[list[Detection]]:
        """Run the network over views of one size [n, h, w, 3]; every place with at least a doubtful score."""
        outputs = self._session.run({"pictures": views})
        origins, strides = _places(views.shape[1], views.shape[2])
        faces: list[list[Detection]] = []
        for scores, boxes, points in zip(outputs["scores"], outputs["boxes"], outputs["points"], strict=True):
            at = np.flatnonzero(scores >= self._options.doubtful)
            middle = (boxes[at, :2] + origins[at]) * strides[at, None]
            size = np.exp(boxes[at, 2:].astype(np.float64)) * strides[at, None]
            corners = middle - size / 2
            marks = (points[at].reshape(-1, 5, 2) + origins[at, None]) * strides[at, None, None]
            faces.append(
                [
                    Detection(box=(*corner, *extent), score=min(1.0, float(score)), landmarks=mark)
                    for corner, extent, score, mark in zip(
                        corners.tolist(), size.tolist(), scores[at], marks.astype(np.float64), strict=True
                    )
                ]
            )
        return faces

    def _make_sure(self, view: Picture, rank: int, face: Detection) -> Detection | None:
        """Look again at a face that leans or scores low; None when it is no face after all."""
        options = self._options
        assert face.landmarks is not None  # noqa: S101 - this detector always gives them
        trusted = (
            face.score >= options.look_again_below and abs(roll(face.landmarks)) <= options.look_again_beyond
        )
        if trusted or rank >= options.looks or max(face.box[2:]) < options.look_again_side:
            return face if face.score >= options.sure else None
        best, shown_at = face, 0.0
        if face.score < options.look_again_below:
            turned = self._turned(view, face, _AROUND, _SCAN_FACE)
            best = turned if turned is not None and turned.score > face.score else face
        for _ in range(_REFINEMENTS):
            angle = roll(best.landmarks) if best.landmarks is not None else shown_at
            if abs(angle - shown_at) <= _GOOD_ENOUGH:
                break
            turned = self._turned(view, best, (angle,), _POINTS_FACE)
            if turned is None or turned.score < best.score - _WORSE:
                break
            best, shown_at = turned, angle
        needed = options.sure if face.score >= options.sure else options.confirmed
        return best if best.score >= needed else None

    def _turned(
        self, view: Picture, face: Detection, angles: tuple[float, ...], pixels: int
    ) -> Detection | None:
        """Give the best of the same face seen upright if it leans by one of the angles (clockwise)."""
        side = 2 * pixels
        x, y, width, height = face.box
        middle = (x + width / 2, y + height / 2)
        scale = pixels / max(width, height)
        turns = [_turn_about(middle, angle, scale, side) for angle in angles]
        views = np.stack(
            [
                cv2.warpAffine(
                    view, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
                )
                for turn in turns
            ]
        )
        best: Detection | None = None
        for turn, angle, proposals in zip(
            turns, angles, self._propose(np.asarray(views, np.uint8)), strict=True
        ):
            for proposal in proposals:
                centred = _centred(proposal, side)
                # A turn is good when what it shows stands upright.
                if centred and _stands(proposal) and (best is None or proposal.score > best.score):
                    lying = math.sin(math.radians(angle)) ** 2
                    back = np.asarray(cv2.invertAffineTransform(turn), dtype=np.float64)
                    best = _turned_back(proposal, back, lying=lying)
        return best


def roll(landmarks: NDArray[np.float64]) -> float:
    """Give the lean of the line between the eyes in degrees, clockwise in the picture, -180..180."""
    across = landmarks[1] - landmarks[0]
    return math.degrees(math.atan2(float(across[1]), float(across[0])))


def _boxes(faces: Sequence[Detection]) -> NDArray[np.float64]:
    return np.array([face.box for face in faces], dtype=np.float64).reshape(-1, 4)


def _same_places(seen: Sequence[Detection], before: Sequence[Detection]) -> bool:
    """Whether each of the faces lies on another one of the frame before."""
    there = _boxes(before)
    nearest = [overlap(box, there) for box in _boxes(seen)]
    taken = {int(overlaps.argmax()) for overlaps in nearest if overlaps.max() >= _SAME_FACE}
    return len(taken) == len(before)


def _lean_of_nearest(face: Detection, before: Sequence[Detection]) -> float:
    """Give the roll of the face of the frame before that lies where this one does, in degrees."""
    nearest = before[int(overlap(_boxes([face])[0], _boxes(before)).argmax())]
    return 0.0 if nearest.landmarks is None else roll(nearest.landmarks)


@lru_cache(maxsize=64)
def _places(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give column and row [p, 2] and stride [p] of every place of the network's outputs."""
    origins: list[NDArray[np.float32]] = []
    strides: list[NDArray[np.float32]] = []
    for stride in STRIDES:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        origins.append(np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float32))
        strides.append(np.full(rows.size, stride, dtype=np.float32))
    return np.concatenate(origins), np.concatenate(strides)


def _resized(picture: Picture, scale: float) -> Picture:
    if scale == 1.0:
        return picture
    height, width = picture.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Down to a half every pixel still counts, and it takes an eighth of the time.
    how = cv2.INTER_AREA if scale <= 0.5 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=how), dtype=np.uint8)


def _moved(face: Detection, scale: float | NDArray[np.float64]) -> Detection:
    """Scale a detection by one factor, or by one for x and one for y."""
    both = np.broadcast_to(np.asarray(scale, dtype=np.float64), 2)
    box = np.asarray(face.box) * np.tile(both, 2)
    marks = None if face.landmarks is None else face.landmarks * both
    return Detection(box=tuple(box.tolist()), score=face.score, landmarks=marks)


def _turn_about(middle: tuple[float, float], angle: float, scale: float, side: int) -> NDArray[np.float64]:
    """Give the 2x3 matrix of a square view around a place that puts a face leaning by `angle` upright."""
    matrix = np.asarray(cv2.getRotationMatrix2D(middle, angle, scale), dtype=np.float64)
    matrix[:, 2] += side / 2 - np.asarray(middle)
    return matrix


def _centred(proposal: Detection, side: int) -> bool:
    x, y, width, height = proposal.box
    return math.hypot(x + width / 2 - side / 2, y + height / 2 - side / 2) < side / 6


def _stands(face: Detection) -> bool:
    return face.landmarks is not None and abs(roll(face.landmarks)) <= _UPRIGHT


def _turned_back(face: Detection, back: NDArray[np.float64], *, lying: float) -> Detection:
    """Bring a detection back from a turned view.

    Args:
        face: in pixels of the turned view.
        back: 2x3 matrix from there, a similarity.
        lying: 0..1, how much the face lies on its side: as much, width and height of its box trade places.
    """
    x, y, width, height = face.box
    scale = math.hypot(back[0, 0], back[1, 0])
    middle = back[:, :2] @ (x + width / 2, y + height / 2) + back[:, 2]
    new_width = (width * (1 - lying) + height * lying) * scale
    new_height = (height * (1 - lying) + width * lying) * scale
    return Detection(
        box=(middle[0] - new_width / 2, middle[1] - new_height / 2, new_width, new_height),
        score=face.score,
        landmarks=None if face.landmarks is None else face.landmarks @ back[:, :2].T + back[:, 2],
    )
