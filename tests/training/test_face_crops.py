"""Crops for training are cut as serving cuts them, and changes for training stay pictures."""

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from face_service.alignment import align_face
from training.face.augment import augmented, darkened, jittered, mixed, recompressed, reduced
from training.face.crops import aligned_placement, cut, rafdb_placement, typical_placement, window_placement

POINTS = np.array([(200, 102), (247, 103), (220, 124), (199, 143), (240, 144)], np.float32)


def corners(placement: np.ndarray, low: float, high: float) -> np.ndarray:
    """Where the two opposite corners (low, low) and (high, high) in pixel edges land in the unit crop."""
    return np.array([[low - 0.5, low - 0.5, 1], [high - 0.5, high - 0.5, 1]]) @ placement.T


def test_training_cuts_as_serving_does():
    placed = cut(astronaut(), aligned_placement(POINTS), 112)
    served = align_face(astronaut(), POINTS, 112)
    assert np.abs(placed.astype(int) - served.astype(int)).max() <= 1


def test_no_points_no_placement():
    assert np.isnan(aligned_placement(np.full((5, 2), np.nan, np.float32))).all()


def test_whole_window_fills_the_crop():
    np.testing.assert_allclose(corners(window_placement(48, 0, 1), 0, 48), [[0, 0], [1, 1]], atol=1e-9)


def test_rafdb_window_keeps_the_middle():
    np.testing.assert_allclose(corners(rafdb_placement(100), 10, 90), [[0, 0], [1, 1]], atol=1e-9)


def test_fer2013_is_cropped_tighter_than_it_comes():
    low, high = corners(typical_placement(), 0, 48)
    assert (low < 0).all()
    assert (high > 1).all()


def test_a_crop_of_its_own_size_is_the_picture():
    picture = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    np.testing.assert_array_equal(cut(picture, window_placement(48, 0, 1), 48), picture)


def test_jitter_stays_near():
    random = np.random.default_rng(0)
    middle = np.array([[24 - 0.5, 24 - 0.5, 1.0]]).T
    moved = np.array([(jittered(window_placement(48, 0, 1), random) @ middle)[:, 0] for _ in range(200)])
    assert np.abs(moved.mean(0) - 0.5).max() < 0.02
    assert np.abs(moved - 0.5).max() < 0.2


@pytest.mark.parametrize("seed", range(20))
def test_augmented_is_a_picture(seed):
    crop = augmented(astronaut(), aligned_placement(POINTS), 112, np.random.default_rng(seed))
    assert crop.shape == (112, 112, 3)
    assert crop.dtype == np.uint8


def test_spoiling_keeps_size_and_loses_detail():
    picture = align_face(astronaut(), POINTS, 112)
    random = np.random.default_rng(0)
    for spoiled in (recompressed(picture, 20), reduced(picture, 24), darkened(picture, random, 0.3)):
        assert spoiled.shape == picture.shape
        assert spoiled.dtype == np.uint8
    detail = [cv2.Laplacian(p, cv2.CV_64F).std() for p in (picture, reduced(picture, 24))]
    assert detail[1] < detail[0] / 2
    assert darkened(picture, random, 0.3).mean() < picture.mean() / 2


def test_mixup_keeps_the_larger_share():
    batch = np.stack([np.full((2, 2), value, np.float32) for value in (0, 10, 20)])
    blended, order, share = mixed(batch, np.random.default_rng(1), 0.4)
    assert 0.5 <= share <= 1
    np.testing.assert_allclose(blended, share * batch + (1 - share) * batch[order], rtol=1e-6)
