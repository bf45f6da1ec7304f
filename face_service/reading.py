"""Pictures in, faces with scores out: one reader for each profile."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from face_service.alignment import (
    APPEARANCE_TARGET,
    EXPRESSION_TARGET,
    Target,
    align_face,
    crop_grey,
    crop_square,
)
from face_service.classification import AppearanceReader, ExpressionReader, FaceClassifier
from face_service.detection import Detection, Detector, Picture
from face_service.quality import pose_of, quality_of
from shared.contracts.emotions import Scores
from shared.contracts.faces import Box, Face, FaceBatch, PictureFaces, Point
from shared.contracts.vectors import pack_vector

Cut = Callable[[Picture, Detection, int], NDArray[np.uint8]]


def cut_aligned(picture: Picture, detection: Detection, size: int) -> NDArray[np.uint8]:
    """Cut a face out as the default network wants it; by its box where its points are of no use."""
    if detection.landmarks is not None:
        try:
            return align_face(picture, detection.landmarks, size)
        except ValueError:
            pass
    return crop_square(picture, detection.box, size)


def cut_grey(picture: Picture, detection: Detection, size: int) -> NDArray[np.uint8]:
    """Cut a face out as the paper's network wants it."""
    return crop_grey(picture, detection.box, size)


@dataclass(frozen=True, eq=False)
class _Found:
    """A face and the picture that it is in."""

    picture: Picture
    detection: Detection


class FaceReader:
    """The whole way of one profile; safe to call from several threads at once.

    Args:
        detector: finds the faces.
        cut: cuts one out for the classifier.
        classifier: scores the crops.
        appearance: tells people apart; None in profiles without.
        expression: reads blendshapes; None in profiles without.
        expression_faces: how many faces of a picture, the largest first, blendshapes are read of.
    """

    def __init__(
        self,
        *,
        detector: Detector,
        cut: Cut,
        classifier: FaceClassifier,
        appearance: AppearanceReader | None = None,
        expression: ExpressionReader | None = None,
        expression_faces: int = 0,
    ) -> None:
        self._detector = detector
        self._cut = cut
        self._classifier = classifier
        self._appearance = appearance
        self._expression = expression
        self._expression_faces = expression_faces

    def read(
        self,
        pictures: Sequence[Picture],
        *,
        max_faces: int,
        film: bool = False,
        expressions_of: Collection[int] | None = None,
    ) -> FaceBatch:
        """Find and score the faces of a batch of pictures.

        Args:
            pictures: shape [h, w, 3] each, RGB, at least 1 x 1; sizes may differ.
            max_faces: of each picture, at most this many faces are kept, the largest first.
            film: they are frames of one film, in order. Only then are appearances read: in single pictures
                nobody is to be found again.
            expressions_of: numbers of the pictures whose faces' blendshapes are read; None: of all.

        Returns:
            One entry a picture, in the same order.
        """
        started = time.perf_counter()
        detected = self._detector.detect(pictures, film=film)
        found = [
            [_Found(picture, detection) for detection in detections[:max_faces]]
            for picture, detections in zip(pictures, detected, strict=True)
        ]
        faces = [face for faces in found for face in faces]
        crops = self._crops(faces)
        scores = self._classifier.classify(crops)
        appearances = self._read_appearances(faces) if film else {}
        expressions = self._read_expressions(
            [faces for index, faces in enumerate(found) if expressions_of is None or index in expressions_of]
        )
        spent = time.perf_counter() - started
        described = iter(
            [
                self._describe(
                    face, crop, probabilities, appearances.get(id(face)), expressions.get(id(face))
                )
                for face, crop, probabilities in zip(faces, crops, scores, strict=True)
            ]
        )
        return FaceBatch(
            pictures=tuple(
                PictureFaces(
                    faces=tuple(next(described) for _ in faces_of_one),
                    left_out=len(detections) - len(faces_of_one),
                )
                for faces_of_one, detections in zip(found, detected, strict=True)
            ),
            model=self._classifier.manifest.name,
            uncertain_below=self._classifier.manifest.uncertain_below,
            compute_ms=round(spent * 1000, 2),
        )

    def _crops(self, faces: Sequence[_Found]) -> NDArray[np.uint8]:
        size = self._classifier.size
        tail = self._classifier.manifest.inputs[0].shape[3:]
        crops = np.empty((len(faces), size, size, *(int(length) for length in tail)), dtype=np.uint8)
        for crop, face in zip(crops, faces, strict=True):
            crop[:] = self._cut(face.picture, face.detection, size)
        return crops

    def _read_appearances(self, faces: Sequence[_Found]) -> dict[int, NDArray[np.float32]]:
        """Read what tells each face from other people's, by the face's `id`."""
        return {} if self._appearance is None else _read(self._appearance, faces, APPEARANCE_TARGET)

    def _read_expressions(self, found: Sequence[Sequence[_Found]]) -> dict[int, NDArray[np.float32]]:
        """Read the blendshapes of the largest faces of each picture, by the face's `id`."""
        if self._expression is None:
            return {}
        largest = [face for faces in found for face in faces[: self._expression_faces]]
        return _read(self._expression, largest, EXPRESSION_TARGET)

    @staticmethod
    def _describe(
        face: _Found,
        crop: NDArray[np.uint8],
        probabilities: NDArray[np.float64],
        appearance: NDArray[np.float32] | None,
        expression: NDArray[np.float32] | None,
    ) -> Face:
        height, width = face.picture.shape[:2]
        detection = face.detection
        marks = detection.landmarks
        return Face(
            box=box_of(detection, width=width, height=height),
            detection=round(detection.score, 4),
            landmarks=None
            if marks is None
            else tuple(Point(x=round(float(x) / width, 5), y=round(float(y) / height, 5)) for x, y in marks),
            pose=None if marks is None else pose_of(marks),
            quality=quality_of(detection, crop),
            scores=Scores.of(probabilities),
            appearance=None if appearance is None else pack_vector(appearance),
            expression=None if expression is None else pack_vector(expression),
        )


def _read(
    reader: AppearanceReader | ExpressionReader, faces: Sequence[_Found], target: Target
) -> dict[int, NDArray[np.float32]]:
    """Read the faces whose points are of use, cut out by them; by the face's `id`."""
    chosen: list[_Found] = []
    crops: list[NDArray[np.uint8]] = []
    for face in faces:
        if face.detection.landmarks is None:
            continue
        try:
            crops.append(align_face(face.picture, face.detection.landmarks, reader.size, target))
        except ValueError:
            continue
        chosen.append(face)
    if not chosen:
        return {}
    return {id(face): row for face, row in zip(chosen, reader.read(np.stack(crops)), strict=True)}


def box_of(detection: Detection, *, width: int, height: int) -> Box:
    """Give a detection's box in fractions of its picture, cut where a box may not reach further out."""
    x, y, across, down = detection.box
    left, right = (min(2.0, max(-1.0, edge / width)) for edge in (x, x + across))
    top, bottom = (min(2.0, max(-1.0, edge / height)) for edge in (y, y + down))
    return Box(
        x=round(left, 5),
        y=round(top, 5),
        width=max(1e-5, round(right - left, 5)),
        height=max(1e-5, round(bottom - top, 5)),
    )
