"""RAVDESS films: features of points, layers that never saw the actor, weights of the sum."""

import numpy as np
import pytest

from training.fusion.ravdess_films import (
    MeasuredFaces,
    held_out_faces,
    joined,
    point_features,
    score_features,
)

EMOTIONS = 8


@pytest.fixture
def film():
    """Points of a face of 100 pixels that opens its mouth: [60, 136], x then y."""
    random = np.random.default_rng(0)
    face = random.uniform(0, 100, (68, 2))
    face[36:42], face[42:48] = (30.0, 40.0), (70.0, 40.0)
    frames = np.repeat(face[None], 60, axis=0)
    frames[:, 57, 1] += 15 * np.sin(np.linspace(0, np.pi, 60))
    return np.concatenate([frames[:, :, 0], frames[:, :, 1]], axis=1)


def test_features_of_points_do_not_know_where_or_how_large_a_face_is(film):
    elsewhere = 2.0 * film
    elsewhere[:, :68] += 300
    elsewhere[:, 68:] += 40
    features = point_features(film)
    assert features[:-18] == pytest.approx(point_features(elsewhere)[:-18], abs=1e-6)
    film[:, 68 + 57] = film[0, 68 + 57]
    assert not np.allclose(features, point_features(film))


def test_scores_over_time_have_one_length():
    random = np.random.default_rng(0)
    for frames in (3, 90):
        scores = random.dirichlet(np.ones(7), frames).astype(np.float16)
        features = score_features(scores)
        assert features.shape == (42,)
        assert np.isfinite(features).all()


def test_a_film_is_judged_by_layers_without_its_actor():
    """What the label is called changes with the actor, so only who saw the actor could be right."""
    random = np.random.default_rng(0)
    actor = np.repeat(np.arange(1, 6), 40)
    shown = random.integers(0, EMOTIONS, len(actor))
    units = np.eye(EMOTIONS)[shown] + random.normal(0, 0.05, (len(actor), EMOTIONS))
    faces = MeasuredFaces(
        clip=[str(n) for n in range(len(actor))],
        actor=actor,
        emotion=shown,
        fold=actor - 1,
        parts={"action units": units},
    )
    assert (held_out_faces(faces, ["action units"]).argmax(1) == shown).mean() > 0.9
    own = np.where(actor == 3, (shown + 1) % EMOTIONS, shown)
    odd = MeasuredFaces(faces.clip, actor, own, faces.fold, faces.parts)
    right = held_out_faces(odd, ["action units"]).argmax(1) == own
    assert right[actor != 3].mean() > 0.7
    assert right[actor == 3].mean() < 0.1


def test_weights_leave_out_what_says_nothing():
    random = np.random.default_rng(0)
    emotion, fold = random.integers(0, EMOTIONS, 400), np.arange(400) % 5
    useful = np.log(0.8 * np.eye(EMOTIONS)[emotion] + 0.2 / EMOTIONS) + random.normal(0, 1, (400, EMOTIONS))
    noise = random.normal(0, 3, (400, EMOTIONS))
    alone = (useful.argmax(1) == emotion).mean()
    plain = ((useful + noise).argmax(1) == emotion).mean()
    scores = joined([useful, noise], emotion, fold)
    assert np.allclose(np.exp(scores).sum(1), 1)
    assert (scores.argmax(1) == emotion).mean() > max(plain + 0.1, alone - 0.05)
