import cv2
import numpy as np
import pytest

from face_service.alignment import align_face
from face_service.detection import Detection
from face_service.quality import pose_of, quality_of

# A head from the front: eyes 60 pixels apart, mouth 55 pixels below, nose between.
FRONT = np.array([(70.0, 80.0), (130.0, 80.0), (100.0, 110.0), (78.0, 135.0), (122.0, 135.0)])


def turned_head(yaw):
    """Move the points as a head would that turns by `yaw` degrees towards the picture's right edge."""
    points = FRONT - (100, 0)
    depth = np.array([0, 0, 0.474 * 55, 0, 0])
    sine, cosine = np.sin(np.radians(yaw)), np.cos(np.radians(yaw))
    across = points[:, 0] * cosine + depth * sine
    return np.column_stack([across + 100, points[:, 1]])


def rolled(points, degrees):
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    return (points - 100) @ np.array([(cosine, sine), (-sine, cosine)]) + 100


def test_front():
    pose = pose_of(FRONT)
    assert pose.yaw == pytest.approx(0, abs=0.1)
    assert pose.roll == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("yaw", [-60, -30, 15, 45, 80])
def test_yaw(yaw):
    assert pose_of(turned_head(yaw)).yaw == pytest.approx(yaw, abs=3)


@pytest.mark.parametrize("degrees", [-170, -90, -20, 35, 120])
def test_roll_is_clockwise_and_leaves_yaw_alone(degrees):
    pose = pose_of(rolled(turned_head(30), degrees))
    assert pose.roll == pytest.approx(degrees, abs=0.5)
    assert pose.yaw == pytest.approx(30, abs=3)


def test_points_in_one_place_have_no_pose():
    assert pose_of(np.zeros((5, 2))) is None


def test_a_blurred_face_is_less_sharp(astronaut):
    landmarks = np.array([(200.1, 101.8), (247.1, 102.6), (220.4, 124.5), (198.6, 142.8), (239.7, 143.6)])
    face = Detection(box=(178.0, 63.0, 90.0, 113.0), score=0.9, landmarks=landmarks)
    crop = align_face(astronaut, landmarks, 112)
    sharp = quality_of(face, crop)
    blurred = quality_of(face, cv2.GaussianBlur(crop, (0, 0), 3))
    assert sharp.sharpness > 10
    assert blurred.sharpness < 3
    assert sharp.pixels == pytest.approx(101.5)
    assert sharp.brightness == pytest.approx(blurred.brightness, abs=0.02)


def test_grey_crops_too():
    face = Detection(box=(0.0, 0.0, 10.0, 10.0), score=0.9)
    quality = quality_of(face, np.full((48, 48), 255, dtype=np.uint8))
    assert quality.brightness == 1
    assert quality.sharpness == 0
