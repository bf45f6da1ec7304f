import os

import numpy as np
import pytest

from face_service.detection import Detection
from face_service.settings import FaceSettings
from face_service.yunet import YunetDetector
from shared.inference import OnnxSession
from training.detection import material
from training.detection.compare import interval, share
from training.detection.material import Example

FACE = Example(np.zeros((100, 100, 3), np.uint8), (50.0, 50.0), 40.0)


@pytest.mark.parametrize(
    ("box", "hit"),
    [
        ((30, 30, 40, 40), True),
        ((40, 30, 40, 40), True),
        ((60, 30, 40, 40), False),
        ((10, 10, 80, 80), True),
        ((0, 0, 100, 100), False),
        ((45, 45, 10, 10), False),
    ],
    ids=[
        "on it",
        "beside by a quarter",
        "beside by three quarters",
        "twice as large",
        "too large",
        "too small",
    ],
)
def test_what_counts_as_found(box, hit):
    assert FACE.hit_by(Detection(box=box, score=0.9)) is hit


def test_wilson_interval():
    assert interval(50, 100) == pytest.approx((0.404, 0.596), abs=0.001)
    assert interval(0, 60) == pytest.approx((0.0, 0.06), abs=0.001)
    assert share(60, 60) == "100 (94-100)"


def test_pictures_without_faces_have_none():
    pictures = material.empty()
    assert len(pictures) >= 8
    assert all(picture.dtype == np.uint8 and picture.shape[2] == 3 for picture in pictures)


@pytest.fixture(scope="module")
def detector():
    folder = FaceSettings().face_models / "default" / "detection"
    return YunetDetector(OnnxSession(folder, threads=1, arena=True))


def found(detector, examples):
    return np.mean(
        [
            any(example.hit_by(face) for face in detector.detect([example.picture], film=False)[0])
            for example in examples
        ]
    )


@pytest.mark.accuracy
@pytest.mark.skipif("EMOTION_CORPORA" not in os.environ, reason="EMOTION_CORPORA is not set")
class TestOnCorpora:
    def test_pictures_that_a_face_fills(self, detector):
        assert found(detector, material.aligned(100)) >= 0.97

    @pytest.mark.parametrize("angle", ["FL", "HL", "S", "HR", "FR"])
    def test_poses(self, detector, angle):
        assert found(detector, material.posed(angle, 30)) >= 0.97

    @pytest.mark.parametrize(("width", "least"), [(14, 0.45), (20, 0.8), (28, 0.93), (60, 0.98)])
    def test_small_faces(self, detector, width, least):
        assert found(detector, material.pasted(width)) >= least

    @pytest.mark.parametrize(("roll", "least"), [(30, 0.98), (60, 0.88), (90, 0.85), (180, 0.85)])
    def test_turned_faces(self, detector, roll, least):
        assert found(detector, material.pasted(90, roll)) >= least

    def test_few_false_alarms(self, detector):
        assert sum(len(detector.detect([view], film=False)[0]) for view in material.empty_views()) <= 3
