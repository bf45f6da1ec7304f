import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from face_service.alignment import (
    EXPRESSION_TARGET,
    FACE_TARGET,
    align_face,
    align_faces,
    alignment_transform,
    crop_grey,
    crop_square,
    to_grey,
)

LANDMARKS = np.array([(200.1, 101.8), (247.1, 102.6), (220.4, 124.5), (198.6, 142.8), (239.7, 143.6)])

GOLDEN_BLOCKS = np.array(
    [
        [(200.2, 170.4, 143.9), (217.2, 186.4, 163.6), (207.8, 176.6, 151.9), (132.6, 105.8, 79.0)],
        [(209.9, 180.7, 157.4), (214.5, 181.4, 157.1), (198.3, 165.3, 139.5), (184.5, 155.3, 130.8)],
        [(214.6, 180.6, 155.2), (217.7, 178.1, 154.9), (184.7, 144.7, 121.1), (196.0, 160.3, 132.5)],
        [(193.9, 168.9, 144.5), (221.2, 185.1, 166.0), (199.1, 158.4, 139.9), (187.8, 159.3, 131.5)],
    ]
)


def in_crop(landmarks, size, target=FACE_TARGET):
    matrix = alignment_transform(landmarks, size, target)
    return landmarks @ matrix[:, :2].T + matrix[:, 2]


@pytest.mark.parametrize("target", [FACE_TARGET, EXPRESSION_TARGET])
def test_points_that_fit_exactly_land_on_the_target(target):
    wanted = target * 112 - 0.5
    landmarks = np.array([wanted[0], wanted[1], (50, 60), wanted[2] - (9, 0), wanted[2] + (9, 0)])
    assert np.allclose(in_crop(landmarks, 112, target), landmarks, atol=1e-9)


@settings(deadline=None)
@given(
    degrees=st.floats(-180, 180),
    scale=st.floats(0.05, 20),
    x=st.floats(-500, 5000),
    y=st.floats(-500, 5000),
)
def test_turning_scaling_and_moving_the_face_changes_nothing(degrees, scale, x, y):
    turn = np.array(
        [
            (np.cos(np.radians(degrees)), np.sin(np.radians(degrees))),
            (-np.sin(np.radians(degrees)), np.cos(np.radians(degrees))),
        ]
    )
    moved = LANDMARKS @ turn * scale + (x, y)
    assert np.allclose(in_crop(moved, 112), in_crop(LANDMARKS, 112), atol=1e-6)


def test_nose_does_not_count():
    other = LANDMARKS.copy()
    other[2] += (30, -12)
    assert np.array_equal(alignment_transform(other, 112), alignment_transform(LANDMARKS, 112))


def test_golden_crop(astronaut):
    """Mean colours of 4 x 4 blocks; a change here changes what the networks were trained on."""
    crop = align_face(astronaut, LANDMARKS, 112)
    blocks = crop.reshape(4, 28, 4, 28, 3).mean(axis=(1, 3))
    assert crop.shape == (112, 112, 3)
    assert crop.dtype == np.uint8
    assert np.abs(blocks - GOLDEN_BLOCKS).max() < 1.0


def test_large_faces_are_shrunk_without_moving(astronaut):
    """A face four times as large gives the same crop, up to the blur of enlarging it."""
    large = cv2.resize(astronaut, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    crop = align_face(large, (LANDMARKS + 0.5) * 4 - 0.5, 64)
    small = align_face(astronaut, LANDMARKS, 64)
    assert np.abs(crop.astype(int) - small.astype(int)).mean() < 3.0


def test_many_equal_single(astronaut):
    both = align_faces(astronaut, [LANDMARKS, LANDMARKS + 5], 48)
    assert both.shape == (2, 48, 48, 3)
    assert np.array_equal(both[1], align_face(astronaut, LANDMARKS + 5, 48))
    assert align_faces(astronaut, [], 48).shape == (0, 48, 48, 3)


def test_square_of_whole_pixels_is_the_picture_itself(astronaut):
    assert np.array_equal(crop_square(astronaut, (100, 50, 64, 64), 64), astronaut[50:114, 100:164])


def test_a_box_that_is_not_square_keeps_its_middle(astronaut):
    assert np.array_equal(crop_square(astronaut, (100, 66, 64, 32), 64), astronaut[50:114, 100:164])


def test_grey_crop(astronaut):
    crop = crop_grey(astronaut, (100, 50, 48, 48), 48)
    assert np.array_equal(crop, to_grey(astronaut[50:98, 100:148]))


@pytest.mark.parametrize("box", [(-40, -40, 60, 60), (500, 500, 90, 90), (-900, 10, 20, 20)])
def test_outside_the_picture_its_edge_is_repeated(astronaut, box):
    assert crop_square(astronaut, box, 32).shape == (32, 32, 3)


def test_one_pixel_picture():
    one = np.full((1, 1, 3), 77, dtype=np.uint8)
    assert (align_face(one, LANDMARKS, 112) == 77).all()
    assert (crop_square(one, (0, 0, 1, 1), 16) == 77).all()


@pytest.mark.parametrize(
    "landmarks",
    [np.zeros((5, 2)), np.full((5, 2), np.nan), np.zeros((4, 2))],
    ids=["one place", "not numbers", "four points"],
)
def test_points_of_no_use_are_refused(landmarks):
    with pytest.raises(ValueError, match="landmarks"):
        alignment_transform(landmarks, 112)


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (0, 0, 5, -1), (0, float("nan"), 5, 5)])
def test_boxes_without_area_are_refused(astronaut, box):
    with pytest.raises(ValueError, match="area"):
        crop_square(astronaut, box, 48)
