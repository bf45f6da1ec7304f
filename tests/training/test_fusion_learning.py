"""Learning of the fusion: parity of training and serving, fits that find what is there, figures."""

import numpy as np
import pytest
from sklearn.svm import SVC

from fusion_service.calibration import log_scores, softmax
from fusion_service.columns import FaceColumns
from fusion_service.pair_votes import vote_logits
from fusion_service.pooling import Readings
from fusion_service.tracks import TrackReader
from training.fusion.learn import as_parameters
from training.fusion.movement import aligned_by_eyes, learn_movement
from training.fusion.pool import fit_pool, fit_temperature, fit_threshold, log_loss
from training.fusion.record import EXPRESSION_FPS, PHASES
from training.fusion.track_head import (
    VOTES_FURTHEST,
    Examples,
    Recipe,
    VotesRecipe,
    describe,
    fit_head,
    fit_over_time,
    fit_votes,
    standardised,
)
from training.measures import calibration_error


@pytest.fixture(scope="module")
def chance():
    return np.random.default_rng(3)


def stretch(chance, emotion, *, frames=15, size=52):
    """A face that moves the coefficient of its emotion."""
    values = np.clip(0.2 + 0.03 * chance.normal(size=(frames, size)), 0, 1)
    values[:, emotion] += 0.4 * (np.arange(frames) % 2)
    return values


@pytest.fixture(scope="module")
def examples(chance):
    t = np.arange(15) / 5
    emotion = np.tile(np.arange(7), 12)
    described = [describe(stretch(chance, e), t) for e in emotion]
    return Examples(
        held=np.stack([held for held, _ in described]),
        moved=np.stack([moved for _, moved in described]),
        emotion=emotion,
        person=np.repeat([f"p{i}" for i in range(12)], 7),
        weight=np.ones(len(emotion)),
    )


def test_the_layer_finds_the_movement(examples):
    there = examples.person == "p3"
    head = fit_head(examples.of(~there), None)
    assert (head.logits(examples.of(there)).argmax(axis=1) == examples.emotion[there]).all()


def test_examples_without_posture_help(examples):
    """Movement alone, as RAVDESS gives it: the films lack one emotion, which it brings."""
    movement = examples.of(examples.person < "p5")
    movement = Examples(
        np.full_like(movement.held, np.nan),
        movement.moved,
        movement.emotion,
        movement.person,
        movement.weight,
    )
    films = examples.of((examples.person >= "p5") & (examples.emotion != 5))
    recipe = Recipe(held_strength=0.1, moved_strength=1.0, movement_weight=1.0, held_share=0.2)
    head = fit_head(films, movement, recipe)
    disgust = examples.of(examples.emotion == 5)
    assert (head.logits(disgust).argmax(axis=1) == 5).mean() > 0.6


def test_the_votes_find_the_movement(examples):
    there = examples.person == "p3"
    readers = fit_over_time(examples.of(~there), None)
    _, votes = readers.logits(examples.of(there))
    assert (votes.argmax(axis=1) == examples.emotion[there]).all()


def test_the_votes_are_nearly_those_of_gaussian_machines(examples):
    """With enough waves, laid out and packed, the machines say what kernel machines of scikit-learn say."""
    head = fit_head(examples, None)
    films = examples.of(examples.emotion != 5)
    recipe = VotesRecipe(directions=6, strength=0.5, width=20.0, waves=3000)
    votes = fit_votes(films, head, recipe)
    features = standardised(examples.features, head.centre, head.scale, VOTES_FURTHEST)
    basis = votes.arrays[0]
    machines = SVC(C=0.5, gamma=20.0 / features.shape[1], decision_function_shape="ovr")
    machines.fit(features[films_of(examples)] @ basis, films.emotion, sample_weight=films.weight * PHASES)
    told = vote_logits(features, votes)
    expected = machines.decision_function(features @ basis)
    known = films_of(examples)
    assert (told[known][:, machines.classes_].argmax(axis=1) == expected[known].argmax(axis=1)).all()
    np.testing.assert_allclose(told[known].max(axis=1), expected[known].max(axis=1), atol=0.1)
    np.testing.assert_allclose(told[:, 5], told[:, machines.classes_].mean(axis=1))


def films_of(examples):
    """Where the emotion is not the one that films lack."""
    return examples.emotion != 5


def test_training_and_serving_read_alike(chance, examples):
    """What the service says of a stretch is what the fitted layer and votes say of its features."""
    readers = fit_over_time(examples, None)
    served = TrackReader(
        as_parameters(readers, temperatures=(1.3, 2.0), still_weight=0.0, weights=(0.5, 0.7))
    )
    t = np.arange(15) / EXPRESSION_FPS
    expression = stretch(chance, 4).astype(np.float32)
    zeros = np.zeros(15)
    faces = FaceColumns(
        frame=np.arange(15),
        place=np.zeros(15, dtype=np.int64),
        t=t,
        box=np.zeros((15, 4)),
        detection=zeros,
        pixels=zeros,
        sharpness=zeros,
        yaw=zeros,
        scores=np.full((15, 7), 1 / 7),
        appearance=np.zeros((15, 0), dtype=np.float32),
        expression=expression,
    )
    said = served.read(faces, np.ones(15, dtype=np.int64))
    held, moved = describe(expression, t)
    one = Examples(held[None], moved[None], np.zeros(1, dtype=np.int64), np.asarray(["p"]), np.ones(1))
    layer, votes = readers.logits(one)
    expected = softmax(0.5 * log_scores(softmax(layer / 1.3)) + 0.7 * log_scores(softmax(votes / 2.0)))[0]
    np.testing.assert_allclose(said, np.tile(expected, (15, 1)), atol=2e-3)


def test_aligned_points_know_no_place_size_or_lean(chance):
    points = 100 * chance.random((5, 68, 2))
    points[:, 36:42, 0] -= 200
    angle = 0.3
    turn = np.asarray([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = 2.5 * points @ turn.T + [30, -12]
    np.testing.assert_allclose(aligned_by_eyes(moved), aligned_by_eyes(points), atol=1e-9)


def test_movement_is_learned_from_points(chance):
    """One coefficient follows the opening of the mouth."""
    rest = 100 * chance.random((68, 2))
    films, roots = [], []
    for _ in range(4):
        opening = chance.random(30)
        points = np.tile(rest, (30, 1, 1))
        points[:, 57, 1] += 20 * opening
        films.append(points)
        roots.append(np.stack([0.1 + 0.5 * opening, np.full(30, 0.3)], axis=1))
    movement = learn_movement(films[:3], roots[:3])
    aligned = aligned_by_eyes(films[3])
    told = movement.predict(aligned - np.median(aligned, axis=0))
    wanted = roots[3] - np.median(roots[3], axis=0)
    assert np.corrcoef(told[:, 0], wanted[:, 0])[0, 1] > 0.95
    np.testing.assert_allclose(told[:, 1], 0, atol=1e-6)


def noisy(chance, emotion, strength):
    logits = chance.normal(size=(len(emotion), 7))
    logits[np.arange(len(emotion)), emotion] += strength
    return softmax(logits)


def test_the_pool_trusts_the_better_one(chance):
    emotion = chance.integers(0, 7, 400)
    good, poor = noisy(chance, emotion, 3.0), noisy(chance, emotion, 0.3)
    ones = np.ones(400)
    weights = fit_pool(Readings(poor, ones), Readings(good, ones), emotion, quality_power=1.0)
    assert weights.speech[0] > 2 * weights.face[0]
    assert len(set(weights.face)) == len(set(weights.speech)) == 1


def test_a_temperature_undoes_overconfidence(chance):
    emotion = chance.integers(0, 7, 2000)
    logits = chance.normal(size=(2000, 7))
    logits[np.arange(2000), emotion] += 2
    best = fit_temperature(logits, emotion)
    assert fit_temperature(3 * logits, emotion) == pytest.approx(3 * best, rel=0.02)
    assert calibration_error(softmax(logits / best), emotion) < calibration_error(
        softmax(3 * logits), emotion
    )
    assert log_loss(softmax(logits / best), emotion) < log_loss(softmax(3 * logits), emotion)


def test_a_threshold_keeps_what_it_promises(chance):
    emotion = chance.integers(0, 7, 3000)
    scores = noisy(chance, emotion, 2.5)
    agreed = chance.random(3000) < 0.6
    threshold, right, share = fit_threshold(scores, emotion, agreed, right=0.9)
    above = agreed & (scores.max(axis=1) >= threshold)
    assert right >= 0.9
    assert above.mean() == pytest.approx(share)
    assert (scores[above].argmax(axis=1) == emotion[above]).mean() == pytest.approx(right)
