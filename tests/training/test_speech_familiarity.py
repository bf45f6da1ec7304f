"""What lies far from all that was learned from is named alike, but less surely."""

import numpy as np
import pytest

pytest.importorskip("torch")

from training.speech.familiarity import SEEN, SOFTENING, Familiarity, strongest
from training.speech.network import MAPS

KEPT = 40
DIRECTIONS = MAPS * KEPT


def clips(random, centres, groups):
    return (centres[groups] + random.normal(size=(len(groups), DIRECTIONS))).astype(np.float32)


@pytest.fixture(scope="module")
def learned():
    random = np.random.default_rng(0)
    centres = 3 * random.normal(size=(4, DIRECTIONS))
    groups = np.repeat(np.arange(4), 400)
    x = clips(random, centres, groups)
    corpus = np.where(groups < 2, "one", "other")
    altered = x + 0.1 * random.normal(size=x.shape).astype(np.float32)
    return Familiarity.of([x, altered], groups % 2, corpus), centres, x


def test_what_was_learned_from_lies_at_a_distance_of_one(learned):
    familiarity, _, x = learned
    distance = familiarity.distance(x)
    assert np.exp(np.log(distance).mean()) == pytest.approx(1.0, abs=0.02)
    assert distance.std() < 0.1


def test_other_clips_of_the_same_groups_are_as_near_and_strangers_far(learned):
    familiarity, centres, _ = learned
    random = np.random.default_rng(1)
    known = familiarity.distance(clips(random, centres, np.repeat(np.arange(4), 50)))
    strange = familiarity.distance(clips(random, centres + 2, np.repeat(np.arange(4), 50)))
    assert known.mean() == pytest.approx(1.0, abs=0.1)
    assert strange.min() > 1.5


def test_a_group_is_measured_by_its_own_width():
    random = np.random.default_rng(2)
    width = np.where(np.arange(DIRECTIONS) % 2, 10.0, 0.1)
    x = (width * random.normal(size=(2000, DIRECTIONS))).astype(np.float32)
    familiarity = Familiarity.of([x], np.zeros(2000, dtype=np.int64), np.full(2000, "one"))
    step = np.zeros((2, DIRECTIONS), dtype=np.float32)
    step[0, 0], step[1, 1] = 3.0, 3.0
    narrow, wide = familiarity.distance(step)
    assert narrow > 10 * wide


def test_softening_keeps_what_is_named(learned):
    familiarity, centres, x = learned
    random = np.random.default_rng(3)
    logits = random.normal(size=(len(x), 7)).astype(np.float32)
    far = x + 2 * np.float32(abs(centres).max())
    near_by, strange = familiarity.softened(logits, x), familiarity.softened(logits, far)
    assert (near_by.argmax(1) == logits.argmax(1)).all()
    assert (strange.argmax(1) == logits.argmax(1)).all()
    np.testing.assert_allclose(strange, logits / familiarity.distance(far)[:, None] ** SOFTENING, rtol=1e-5)
    assert abs(strange).max() < abs(near_by).max()


def test_only_the_strongest_directions_of_each_map_are_looked_at():
    x = np.arange(2 * DIRECTIONS, dtype=np.float32).reshape(2, -1)
    kept = strongest(x).reshape(2, MAPS, SEEN)
    assert (kept[:, :, 0] == x.reshape(2, MAPS, KEPT)[:, :, 0]).all()
    assert kept[0, 1, -1] == KEPT + SEEN - 1
