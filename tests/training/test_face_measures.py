"""Figures: intervals, calibration, thresholds and the choice of a head, on numbers whose answer is known."""

import numpy as np
import pytest

from training.face.calibrate import calibrating
from training.face.head_choice import choose_shares
from training.measures import (
    by_person,
    by_person_if_known,
    calibration_error,
    confusion,
    fit_temperature,
    least_calibration_error,
    mean_recall,
    probabilities,
    threshold_for,
    wilson,
)


def drawn(n: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels drawn from their softmax; the logits then multiplied by `scale`."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (n, 7))
    scores = probabilities(logits, 1.0)
    labels = np.array([random.choice(7, p=row) for row in scores])
    return logits * scale, labels


def test_wilson_interval_known_value():
    share = wilson(np.array([True] * 81 + [False] * 182))
    assert (share.low, share.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_people_widen_the_interval():
    right = np.repeat([True, False], 500)
    people = np.repeat([f"person {i}" for i in range(10)], 100)
    alone, grouped = wilson(right), by_person(right, people)
    assert grouped.high - grouped.low > 5 * (alone.high - alone.low)


def test_where_all_are_right_the_interval_is_not_nothing():
    right, people = np.ones(40, np.bool_), np.repeat(["nea", "nem"], 20)
    share = by_person_if_known(right, people)
    assert (share.low, share.high) == (wilson(right).low, wilson(right).high)
    assert share.low < 0.92


@pytest.mark.parametrize("people", [np.full(4, ""), np.full(4, "nea")], ids=["nobody known", "one person"])
def test_where_there_is_nobody_to_draw_the_interval_is_wilsons(people):
    right = np.array([True, True, True, False])
    assert by_person_if_known(right, people) == wilson(right)


def test_true_probabilities_have_no_calibration_error():
    logits, labels = drawn(5000, 1.0)
    assert calibration_error(probabilities(logits, 1.0), labels) < 0.02


def test_few_answers_have_a_calibration_error_though_the_scores_are_right():
    logits, labels = drawn(200 * 150, 1.0)
    scores = probabilities(logits, 1.0)
    found = [calibration_error(scores[i : i + 150], labels[i : i + 150]) for i in range(0, len(labels), 150)]
    assert least_calibration_error(scores[:150]) == pytest.approx(np.mean(found), rel=0.15)
    assert least_calibration_error(scores) < 0.01


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_temperature_undoes_a_scale(scale):
    logits, labels = drawn(5000, scale)
    temperature = fit_temperature(logits, labels, np.ones(len(labels)))
    assert temperature == pytest.approx(scale, rel=0.06)


@pytest.mark.parametrize(("profile", "kept"), [("default", ["FER+"]), ("paper", ["FER2013", "FER+"])])
def test_pictures_that_are_labelled_twice_are_calibrated_by_the_votes(profile, kept):
    labels = np.zeros(3, np.int64)
    assert list(calibrating(profile, {"FER2013": labels, "FER+": labels})) == kept
    assert list(calibrating(profile, {"RAF-DB": labels})) == ["RAF-DB"]


def test_threshold_reaches_what_is_wanted():
    logits, labels = drawn(5000, 1.0)
    threshold, right, kept = threshold_for(probabilities(logits, 1.0), labels, np.ones(len(labels)))
    assert right >= 0.9
    assert 0 < kept < 1
    assert 0.5 < threshold < 0.95


def test_confusion_and_recall():
    label, predicted = np.array([0, 0, 0, 1]), np.array([0, 0, 2, 1])
    table = confusion(predicted, label, classes=3)
    np.testing.assert_array_equal(table, [[2, 0, 1], [0, 1, 0], [0, 0, 0]])
    assert mean_recall(predicted, label) == pytest.approx((2 / 3 + 1) / 2)


def test_head_choice_takes_the_head_that_helps():
    label = np.arange(70) % 7
    wrong = np.eye(7, dtype=np.float32)[(label + 1) % 7]
    right = 3 * np.eye(7, dtype=np.float32)[label]
    logits = {"shared": wrong, "fer2013": wrong, "ferplus": wrong, "rafdb": right, "kdef": wrong}
    shares = choose_shares({"part": (logits, label)})
    assert shares["rafdb"] > 0
    assert shares["fer2013"] == shares["ferplus"] == shares["kdef"] == 0
