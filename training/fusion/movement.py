"""Movement of RAVDESS faces as blendshapes: 20 more people for the layer that reads a face over time.

RAVDESS comes as 68 points in every frame, without pictures. How the blendshapes move with the points is
learned on the Java-SED films, where both are known: a ridge regression from the points (aligned by the eyes,
less the film's own median) to the square roots of the coefficients (less the film's own median). Only
movement carries over; how a face is held does not, and is not used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from training.corpora.av import RAVDESS_TO_SEVEN

FloatArray = NDArray[np.float64]

# The 68 points (iBUG order) among the 478 of the face mesh.
IBUG_IN_MESH = (
    *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),  # jaw
    *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301),  # brows
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),  # nose
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),  # eyes
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # outer lips
    *(78, 82, 13, 312, 308, 317, 14, 87),  # inner lips
)
RAVDESS_FPS = 29.97
# Of the ridge, on points measured in distances of the eyes.
_RIDGE = 0.3


@dataclass(frozen=True, slots=True)
class MovedFaces:
    """RAVDESS films at the pace at which blendshapes are read.

    Attributes:
        roots: per film [f, 52], roots of the coefficients about the film's median; may be negative.
        times: per film [f] seconds.
        emotion: [n] 0..6, calm counted as neutral.
        actor: [n] 1..20.
        clip: [n] names.
    """

    roots: list[FloatArray]
    times: list[FloatArray]
    emotion: NDArray[np.int64]
    actor: NDArray[np.int64]
    clip: list[str]


def aligned_by_eyes(points: NDArray[np.floating]) -> FloatArray:
    """Turn and scale points so that both eyes lie in one place.

    Args:
        points: [f, 68, 2] pixels.

    Returns:
        [f, 136] in distances of the eyes, from the middle between them.
    """
    points = np.asarray(points, dtype=np.float64)
    right, left = points[:, 36:42].mean(axis=1), points[:, 42:48].mean(axis=1)
    apart = left - right
    distance = np.hypot(apart[:, 0], apart[:, 1])
    across, down = apart[:, 0] / distance, apart[:, 1] / distance
    turn = np.stack([np.stack([across, down], axis=1), np.stack([-down, across], axis=1)], axis=1)
    centred = (points - ((right + left) / 2)[:, None]) / distance[:, None, None]
    turned: FloatArray = np.einsum("nij,nkj->nki", turn, centred).reshape(len(points), -1)
    return turned


def learn_movement(points: Sequence[FloatArray], roots: Sequence[FloatArray]) -> Ridge:
    """Learn how coefficients move with points, from films with both.

    Args:
        points: per film [f, 68, 2] pixels.
        roots: per film [f, 52] square roots of the coefficients.
    """
    moved = [rows - np.median(rows, axis=0) for rows in map(aligned_by_eyes, points)]
    following = [rows - np.median(rows, axis=0) for rows in roots]
    return Ridge(alpha=_RIDGE).fit(np.concatenate(moved), np.concatenate(following))


def read_moved_faces(corpora: Path, movement: Ridge, *, fps: float) -> MovedFaces:
    """Read the RAVDESS points as movement of blendshapes.

    Args:
        corpora: the folder that holds `av/ravdess_landmarks`.
        movement: from `learn_movement`.
        fps: frames a second to keep.
    """
    with np.load(corpora / "av" / "ravdess_landmarks" / "ravdess_landmarks.npz") as pack:
        running = np.cumsum(pack["delta"], axis=1, dtype=np.int32).T
        offsets = pack["frame_offsets"]
        emotion = np.asarray(RAVDESS_TO_SEVEN)[pack["emotion"]]
        actor = pack["actor"].astype(np.int64)
        clip = [str(name) for name in pack["clip"]]
    step = round(RAVDESS_FPS / fps)
    roots, times = [], []
    for begin, end in pairwise(offsets):
        film = running[begin:end]
        points = aligned_by_eyes(np.stack([film[:, :68], film[:, 68:]], axis=2))
        # The points jitter by a pixel or two.
        smooth = (points[:-2] + points[1:-1] + points[2:]) / 3
        kept = smooth[::step]
        roots.append(movement.predict(kept - np.median(kept, axis=0)))
        times.append(np.arange(len(kept)) * step / RAVDESS_FPS)
    return MovedFaces(roots, times, emotion, actor, clip)
