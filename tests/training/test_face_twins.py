"""Pictures that are nearly the same are found, and others are not."""

import numpy as np
import pytest

from training.face.twins import TWINS_FROM, most_alike, pattern


def drawn(seed: int) -> np.ndarray:
    """A soft picture of 48 pixels."""
    coarse = np.random.default_rng(seed).integers(20, 200, (6, 6, 1), dtype=np.uint8)
    return np.repeat(np.kron(coarse, np.ones((8, 8, 1), np.uint8)), 3, axis=2)


def brighter(picture: np.ndarray) -> np.ndarray:
    return (picture * 0.6 + 60).astype(np.uint8)


def watermarked(picture: np.ndarray) -> np.ndarray:
    marked = picture.copy()
    marked[43:46, 4:16] = 255
    return marked


@pytest.mark.parametrize("change", [brighter, watermarked])
def test_a_twin_is_found_among_others(change):
    learned = np.stack([pattern(drawn(seed)) for seed in range(300)])
    mine = np.stack([pattern(change(drawn(7))), pattern(drawn(1000))])
    twin, stranger = most_alike(mine, learned)
    assert twin > TWINS_FROM > stranger


def test_a_picture_of_one_colour_has_no_twin():
    plain = np.stack([pattern(np.full((48, 48, 3), 90, np.uint8))])
    assert most_alike(plain, plain)[0] == 0
