"""A face read over time: when it is read, in which parts, and what it changes."""

import numpy as np
import pytest

from fusion_service.columns import face_columns
from fusion_service.parameters import TrackHead
from fusion_service.tracks import TrackReader, every, moved_features, track_features
from fusion_service.verdicts import judge

SIZE = 4


def head(**changes):
    """A layer that calls it surprise when the second coefficient moves, and else says nothing."""
    weights = np.zeros((7, 9 * SIZE))
    weights[6, 4 * SIZE + 1] = 8.0  # spread of the second coefficient
    values = {
        "dimensions": SIZE,
        "step_seconds": 0.18,
        "longest_step_seconds": 0.5,
        "window_seconds": 8.0,
        "min_seconds": 1.0,
        "min_frames": 5,
        "centre": (0.0,) * (9 * SIZE),
        "scale": (1.0,) * (9 * SIZE),
        "weights": tuple(map(tuple, weights)),
        "bias": (0.0,) * 7,
        "temperature": 1.0,
        "weight": 2.0,
        "still_weight": 1.0,
    }
    return TrackHead(**(values | changes))


@pytest.fixture
def moving(make):
    """Faces whose second coefficient goes up and down."""

    def made(count, *, still=False):
        return [
            [make.face(expression=[0.1, 0.1 if still else 0.9 * (i % 2), 0.2, 0.0], confidence=0.5, person=1)]
            for i in range(count)
        ]

    return made


@pytest.fixture
def with_head(default):
    parameters = default.parameters.model_copy(update={"track": head(), "face_sharpening": 1.0})
    return default.model_copy(update={"parameters": parameters})


@pytest.fixture
def without_head(default):
    parameters = default.parameters.model_copy(update={"track": None, "face_sharpening": 1.0})
    return default.model_copy(update={"parameters": parameters})


def test_movement_is_read(make, moving, with_head, without_head):
    request = make.film(moving(15))
    assert judge(request, without_head).face.label == "neutral"
    assert judge(request, with_head).face.label == "surprise"
    assert judge(request, with_head).people[0].label == "surprise"
    assert judge(request, with_head).moments[0].face.label == "surprise"


def test_a_still_face_keeps_its_label(make, moving, with_head):
    assert judge(make.film(moving(15, still=True)), with_head).face.label == "neutral"


@pytest.mark.parametrize("frames", [1, 2, 4, 5])
def test_less_than_a_second_is_not_read(make, moving, with_head, without_head, frames):
    request = make.film(moving(frames))
    assert judge(request, with_head).face == judge(request, without_head).face


def test_a_picture_is_not_read_over_time(make, moving, with_head, without_head):
    request = make.film(moving(1), kind="picture", seconds=0)
    assert judge(request, with_head).face == judge(request, without_head).face


def test_a_stretch_after_a_gap_is_read_by_itself(make, moving, with_head):
    frames = [*moving(10), *[[]] * 5, *moving(10, still=True)]
    result = judge(make.film(frames), with_head)
    assert [moment.face.label for moment in result.moments] == ["surprise"] * 2 + ["neutral"] * 2


def test_a_long_film_is_read_in_parts(make, moving, with_head):
    frames = [*moving(80), *moving(80, still=True)]
    moments = judge(make.film(frames), with_head).moments
    assert moments[3].face.label == "surprise"
    assert moments[-3].face.label == "neutral"


def test_more_frames_a_second_change_little(make, with_head):
    def slow(fps):
        times = np.arange(int(4 * fps)) / fps
        values = 0.4 + 0.4 * np.sin(2 * np.pi * 0.5 * times)
        frames = [[make.face(expression=[0.1, value, 0.2, 0.0], confidence=0.5)] for value in values]
        return judge(make.film(frames, fps=fps), with_head).face.scores.array()

    np.testing.assert_allclose(slow(25), slow(5), atol=0.08)


def test_vectors_of_another_network_are_left_alone(make, with_head, without_head):
    frames = [[make.face(expression=[0.1 * (i % 2)] * 3)] for i in range(10)]
    assert judge(make.film(frames), with_head).face == judge(make.film(frames), without_head).face


def test_a_face_without_expression_shares_what_its_neighbours_show(make, moving):
    frames = moving(15)
    frames[7] = [frames[7][0].model_copy(update={"expression": None})]
    faces = face_columns(make.film(frames).frames)
    scores = TrackReader(head()).read(faces, np.ones(15, dtype=np.int64))
    np.testing.assert_allclose(scores[7], scores[6])
    assert (scores[[6, 7, 8]].argmax(axis=1) == 6).all()


def test_a_face_far_from_any_expression_keeps_its_scores(make, moving):
    frames = moving(20)
    for index in range(12, 20):
        frames[index] = [frames[index][0].model_copy(update={"expression": None})]
    faces = face_columns(make.film(frames).frames)
    scores = TrackReader(head()).read(faces, np.ones(20, dtype=np.int64))
    assert (scores[:14].argmax(axis=1) == 6).all()
    np.testing.assert_allclose(scores[14:], faces.scores[14:])


def test_nobody_shares_what_another_person_shows(make, moving):
    frames = moving(15)
    frames[7] = [frames[7][0].model_copy(update={"expression": None})]
    faces = face_columns(make.film(frames).frames)
    people = np.ones(15, dtype=np.int64)
    for other in (0, 2):
        people[7] = other
        scores = TrackReader(head()).read(faces, people)
        np.testing.assert_allclose(scores[7], faces.scores[7])


def test_scores_sum_to_one_whatever_the_features(make):
    wild = head(weights=tuple(map(tuple, 1e3 * np.random.default_rng(0).normal(size=(7, 9 * SIZE)))))
    chance = np.random.default_rng(1)
    frames = [[make.face(expression=chance.random(SIZE))] for _ in range(12)]
    scores = TrackReader(wild).read(face_columns(make.film(frames).frames), np.ones(12, dtype=np.int64))
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1)


def test_features():
    values = np.asarray([[0.0, 0.25], [1.0, 0.25], [0.0, 0.25]])
    features = track_features(values, np.asarray([0.0, 0.5, 1.0])).reshape(9, 2)
    np.testing.assert_allclose(features[:, 1], [0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0, 0], atol=1e-12)
    assert features[6, 0] == pytest.approx(2.0)  # one up and one down in a second
    shifted = moved_features(values + 3, np.asarray([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(shifted, moved_features(values, np.asarray([0.0, 0.5, 1.0])), atol=1e-12)


@pytest.mark.parametrize(("fps", "kept"), [(5, 20), (10, 20), (25, 20), (4, 16), (6, 20)])
def test_frames_are_thinned_to_one_pace(fps, kept):
    t = 3.2 + np.arange(int(4 * fps)) / fps
    assert len(every(t, 0.18)) == pytest.approx(kept, abs=3)
    assert list(every(t[:1], 0.18)) == [0]


def test_a_head_whose_parts_do_not_fit_is_refused():
    with pytest.raises(ValueError, match="fit together"):
        head(centre=(0.0,) * 5)
