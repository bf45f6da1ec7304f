"""The paper's detector: OpenCV's Haar cascade for frontal faces (Viola and Jones 2001)."""

import math
import threading
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from face_service.alignment import to_grey
from face_service.detection import Detection, Picture
from shared.contracts.manifests import Manifest
from shared.inference import ModelFileError, load_manifest, network_time

_LONGEST_SIDE = 640


class HaarDetector:
    """Finds frontal, upright faces without points.

    A cascade's score is the sum of its last stage's votes; the manifest's logistic curve, fitted on
    faces and false alarms, turns it into a probability.

    Args:
        folder: holds `manifest.json` and the cascade.

    Raises:
        ModelFileError: see `shared.inference.load_manifest`; or OpenCV cannot read the cascade.
    """

    def __init__(self, folder: Path) -> None:
        self._manifest = load_manifest(folder)
        self._path = folder / self._manifest.file
        # A CascadeClassifier keeps the picture it works on, so each thread has its own.
        self._local = threading.local()
        if self._cascade().empty():
            raise ModelFileError(f"{self._manifest.name}: OpenCV cannot read {self._manifest.file}")

    @property
    def manifest(self) -> Manifest:
        """The cascade's manifest."""
        return self._manifest

    def detect(self, pictures: Sequence[Picture], *, film: bool) -> list[list[Detection]]:
        """Find the faces of each picture by itself; see `Detector.detect`."""
        del film
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: Picture) -> list[Detection]:
        parameters = self._manifest.preprocessing
        scale = min(1.0, _LONGEST_SIDE / max(picture.shape[:2]))
        grey = to_grey(picture)
        if scale < 1:
            size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
            grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        with network_time(self._manifest.name):
            boxes, _, votes = self._cascade().detectMultiScale3(
                cv2.equalizeHist(grey),
                scaleFactor=parameters["scale_factor"],
                minNeighbors=parameters["min_neighbors"],
                minSize=(parameters["min_size"], parameters["min_size"]),
                outputRejectLevels=True,
            )
        back = picture.shape[1] / grey.shape[1]
        slope, offset = parameters["score_slope"], parameters["score_offset"]
        found = [
            Detection(
                box=(float(x) * back, float(y) * back, float(width) * back, float(height) * back),
                score=1 / (1 + math.exp(-(slope * float(vote) + offset))),
            )
            for (x, y, width, height), vote in zip(boxes, np.ravel(votes), strict=True)
        ]
        return sorted(found, key=lambda detection: -detection.area)

    def _cascade(self) -> cv2.CascadeClassifier:
        if not hasattr(self._local, "cascade"):
            self._local.cascade = cv2.CascadeClassifier(str(self._path))
        cascade: cv2.CascadeClassifier = self._local.cascade
        return cascade
