"""Votes of machines, one for each pair of emotions: how they are counted, and which are refused."""

import numpy as np
import pytest

from fusion_service.pair_votes import counted, vote_logits
from fusion_service.parameters import PairVotes, TrackHead
from shared.contracts.vectors import pack_vector

PAIRS = ((0, 1), (0, 2), (1, 2))


def machines(**changes):
    """Two directions of three features, a wave for each, which say which emotion is the likelier."""
    values = {
        "pairs": PAIRS,
        "furthest": 4.0,
        "directions": 2,
        "basis": pack_vector(np.asarray([1.0, 0.0, 0.0, 1.0, 0.0, 0.0])),
        "frequencies": pack_vector(np.asarray([1.0, 0.0, 0.0, 1.0])),
        "phases": pack_vector(np.asarray([0.0, 0.0])),
        "shares": pack_vector(np.asarray([1.0, 0.0, 0.0, 1.0, -1.0, 1.0])),
        "offsets": (0.0, 0.0, 0.0),
        "temperature": 1.0,
        "weight": 1.0,
    }
    return PairVotes(**(values | changes))


def test_waves_decide():
    """The first wave is for 0 against 1, the second for 0 against 2, and both for the lower of 1 and 2."""
    features = np.asarray([[0.1, -0.2, 9.0], [3.1, 0.1, -9.0], [0.2, 3.1, 0.0]])
    assert vote_logits(features, machines()).argmax(axis=1).tolist() == [0, 1, 2]


def test_what_no_machine_knows_has_the_mean():
    told = vote_logits(np.asarray([[0.1, 0.0, 0.0]]), machines())[0]
    np.testing.assert_allclose(told[3:], told[:3].mean())
    assert told[3] < told[0]


def test_a_feature_far_out_is_bounded():
    near, far = vote_logits(np.asarray([[4.0, 0.0, 0.0], [40.0, 0.0, 0.0]]), machines())
    np.testing.assert_allclose(near, far)


def test_margins_decide_only_between_equal_votes():
    pairs = np.asarray(PAIRS)
    clear = counted(np.asarray([[0.1, 0.1, 5.0]]), pairs)[0]
    assert clear[:3].argsort().tolist() == [2, 1, 0]  # two votes, one and none, whatever the margins
    circle = counted(np.asarray([[2.0, -0.5, 1.0]]), pairs)[0]
    assert circle[:3].argmax() == 0  # one vote each: 2.0 - 0.5 lead
    assert np.ptp(circle[:3]) < 2 / 3


@pytest.mark.parametrize(
    "changes",
    [
        {"offsets": (0.0, 0.0)},
        {"pairs": ((0, 1), (0, 2), (1, 7))},
        {"frequencies": pack_vector(np.zeros(6))},
        {"frequencies": pack_vector(np.zeros(5))},
        {"phases": pack_vector(np.zeros(3))},
        {"shares": pack_vector(np.zeros(8))},
        {"basis": "no base64!"},
    ],
)
def test_what_does_not_fit_is_refused(changes):
    with pytest.raises(ValueError, match=r"votes|reshape|base64|Invalid|validation"):
        machines(**changes)


def test_votes_over_other_features_are_refused():
    values = {
        "dimensions": 1,
        "step_seconds": 0.2,
        "longest_step_seconds": 0.5,
        "window_seconds": 8.0,
        "min_seconds": 1.0,
        "min_frames": 3,
        "centre": (0.0,) * 9,
        "scale": (1.0,) * 9,
        "weights": ((0.0,) * 9,) * 7,
        "bias": (0.0,) * 7,
        "temperature": 1.0,
        "weight": 1.0,
        "still_weight": 1.0,
    }
    fitting = machines(basis=pack_vector(np.zeros(18)))
    assert TrackHead(**values, votes=fitting).votes == fitting
    with pytest.raises(ValueError, match="rows and columns of the head"):
        TrackHead(**values, votes=machines())
