"""Cutting faces out of pictures, the same way in training and in serving.

The default crop has the geometry of the aligned RAF-DB pictures (eyes level at 31.4 % of the height, mouth
at 74 %) of which the middle 80 % are kept. It is reached by a similarity transform (turn, uniform scale,
shift) that fits both eyes and the middle of the mouth best in the sense of least squares; the nose is left
out because it wanders when the head turns. The crop for blendshapes is looser, as MediaPipe's tracker cuts
it; so is the one for appearance, as networks that learned people were shown them. The paper's crop is the
bare box of the Haar cascade in grey.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

# Where the right eye, the left eye and the middle of the mouth go (the person's own right), 0..1 of the
# crop's side.
Target = NDArray[np.float64]
# Aligned RAF-DB pictures, and the part of them that is kept on both axes.
RAFDB_POINTS: Target = np.array([(0.267, 0.314), (0.712, 0.314), (0.4895, 0.740)])
KEPT: tuple[float, float] = (0.10, 0.90)
FACE_TARGET: Target = (RAFDB_POINTS - KEPT[0]) / (KEPT[1] - KEPT[0])
# Mean of MediaPipe's own crops (all points' upright square, 1.5 times as large) after two rounds of tracking.
EXPRESSION_TARGET: Target = np.array([(0.394, 0.382), (0.606, 0.382), (0.5, 0.635)])
# Where networks that tell people apart are shown eyes and mouth (Deng et al. 2019, ArcFace: 112 pixels).
APPEARANCE_TARGET: Target = np.array([(38.7946, 52.1963), (74.0318, 52.0014), (56.6396, 92.7848)]) / 112
# Below this scale bilinear sampling skips pixels, so the picture is shrunk by areas first.
_SHRINK_BELOW = 0.5
_LANDMARKS = 5


def alignment_transform(
    landmarks: NDArray[np.floating], size: int, target: Target = FACE_TARGET
) -> NDArray[np.float64]:
    """Give the 2x3 matrix that maps picture pixels to crop pixels.

    Args:
        landmarks: shape [5, 2], x and y in pixels (the middle of the first pixel is 0, 0): right eye, left
            eye, nose tip, right and left mouth corner.
        size: side of the crop in pixels.
        target: geometry of the crop.

    Raises:
        ValueError: wrong shape, values that are not finite, or all points in one place.
    """
    if landmarks.shape != (_LANDMARKS, 2) or not np.isfinite(landmarks).all():
        raise ValueError(f"landmarks must be 5 finite points, not an array of shape {landmarks.shape}")
    points = np.asarray(landmarks, dtype=np.float64)
    source = np.array([points[0], points[1], (points[3] + points[4]) / 2])
    wanted = target * size - 0.5
    # A similarity is z -> turn * z + shift on complex numbers; least squares has this closed form.
    here = source[:, 0] + 1j * source[:, 1]
    there = wanted[:, 0] + 1j * wanted[:, 1]
    centred = here - here.mean()
    spread = float((np.abs(centred) ** 2).sum())
    if spread < 1e-6:
        raise ValueError("landmarks all lie in one place")
    turn = complex((np.conj(centred) * (there - there.mean())).sum() / spread)
    shift = complex(there.mean() - turn * here.mean())
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def align_face(
    picture: NDArray[np.uint8], landmarks: NDArray[np.floating], size: int, target: Target = FACE_TARGET
) -> NDArray[np.uint8]:
    """Cut one face out, upright and to scale.

    Args:
        picture: shape [h, w, 3], RGB. Outside it, its edge is repeated.
        landmarks: shape [5, 2], pixels; see `alignment_transform`.
        size: side of the crop in pixels.
        target: geometry of the crop; `FACE_TARGET`, `EXPRESSION_TARGET` or `APPEARANCE_TARGET`.

    Returns:
        Shape [size, size, 3], RGB.

    Raises:
        ValueError: see `alignment_transform`.
    """
    return _sample(picture, alignment_transform(landmarks, size, target), size)


def align_faces(
    picture: NDArray[np.uint8],
    landmarks: Sequence[NDArray[np.floating]],
    size: int,
    target: Target = FACE_TARGET,
) -> NDArray[np.uint8]:
    """Cut all faces of one picture out: shape [n, size, size, 3]; see `align_face`."""
    crops = np.empty((len(landmarks), size, size, 3), dtype=np.uint8)
    for crop, points in zip(crops, landmarks, strict=True):
        crop[:] = align_face(picture, points, size, target)
    return crops


def crop_square(
    picture: NDArray[np.uint8], box: tuple[float, float, float, float], size: int
) -> NDArray[np.uint8]:
    """Cut the square around the middle of a box out, for faces whose landmarks are not known.

    Args:
        picture: shape [h, w, 3] RGB or [h, w] grey. Outside it, its edge is repeated.
        box: x, y, width, height in pixels; the square's side is the longer of the two.
        size: side of the crop in pixels.

    Returns:
        Shape [size, size, 3] or [size, size].

    Raises:
        ValueError: a box without area.
    """
    x, y, width, height = box
    side = max(width, height)
    if not (np.isfinite(box).all() and width > 0 and height > 0):
        raise ValueError("the box has no area")
    scale = size / side
    left, top = x + (width - side) / 2, y + (height - side) / 2
    # Pixel edges meet pixel edges: the middle of pixel i lies at i + 0.5.
    matrix = np.array(
        [[scale, 0.0, (0.5 - left) * scale - 0.5], [0.0, scale, (0.5 - top) * scale - 0.5]],
    )
    return _sample(picture, matrix, size)


def crop_grey(
    picture: NDArray[np.uint8], box: tuple[float, float, float, float], size: int = 48
) -> NDArray[np.uint8]:
    """Cut a box out in grey (ITU-R BT.601 luma), as the paper does after the Haar cascade.

    Args:
        picture: shape [h, w, 3], RGB.
        box: x, y, width, height in pixels.
        size: side of the crop in pixels.

    Returns:
        Shape [size, size].

    Raises:
        ValueError: a box without area.
    """
    return to_grey(crop_square(picture, box, size))


def to_grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give the ITU-R BT.601 luma of an RGB picture: [h, w, 3] to [h, w]."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _sample(picture: NDArray[np.uint8], matrix: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Sample the picture under a similarity, shrinking by areas first where it would skip pixels."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < _SHRINK_BELOW:
        picture, matrix = _shrink(picture, matrix, size, factor=int(1 / scale))
    crop = cv2.warpAffine(
        picture, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, dtype=np.uint8)


def _shrink(
    picture: NDArray[np.uint8], matrix: NDArray[np.float64], size: int, *, factor: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Shrink the part of the picture under the crop by a whole factor, and adapt the matrix."""
    height, width = picture.shape[:2]
    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([(0, 0), (size, 0), (0, size), (size, size)]) @ inverse[:, :2].T + inverse[:, 2]
    low = np.floor(corners.min(axis=0)).astype(int) - 2 * factor
    high = np.ceil(corners.max(axis=0)).astype(int) + 2 * factor
    left, right = np.clip((low[0], high[0]), 0, width)
    top, bottom = np.clip((low[1], high[1]), 0, height)
    # Whole blocks only: otherwise the blocks' middles would not lie where the matrix says.
    columns, rows = (int(right) - int(left)) // factor, (int(bottom) - int(top)) // factor
    if columns < 1 or rows < 1:
        return picture, matrix
    part = picture[top : top + rows * factor, left : left + columns * factor]
    small = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    # A pixel u of the small picture has its middle at factor * (u + 0.5) - 0.5 + left.
    offset = np.array([left, top]) + (factor - 1) / 2
    adapted = np.column_stack([matrix[:, :2] * factor, matrix[:, :2] @ offset + matrix[:, 2]])
    return np.asarray(small, dtype=np.uint8), adapted
