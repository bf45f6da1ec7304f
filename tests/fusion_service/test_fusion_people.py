"""Faces linked into people: gaps, cuts, crossings, likenesses, passing detections."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_service.assignment import assign
from fusion_service.verdicts import judge
from shared.contracts.fusion import Profile
from shared.contracts.vectors import pack_vector


def ids(result):
    return [list(frame) for frame in result.persons_by_frame]


def test_one_person_sitting_still(make, default):
    result = judge(
        make.film([[make.face(0.4 + 0.01 * (i % 3), seed=i, person=1)] for i in range(20)]), default
    )
    assert ids(result) == [[1]] * 20
    assert [(p.id, p.frames, p.first_seen, p.last_seen) for p in result.people] == [(1, 20, 0.0, 3.8)]


def test_ids_follow_first_appearance(make, default):
    frames = [[make.face(0.7, person=1)]] * 3 + [[make.face(0.7, person=1), make.face(0.1, person=2)]] * 5
    result = judge(make.film(frames), default)
    assert ids(result) == [[1]] * 3 + [[1, 2]] * 5
    assert result.people[1].first_seen == pytest.approx(0.6)


@pytest.mark.parametrize("known", [True, False], ids=["with looks", "without looks"])
def test_a_second_without_detection(make, default, known):
    """Five frames at 5 a second are missed; the person has moved by half a face meanwhile."""
    one = [[make.face(0.3 + 0.005 * i, person=1 if known else None, seed=i)] for i in range(10)]
    frames = [*one[:5], *[[]] * 5, [make.face(0.4, person=1 if known else None, seed=77)], *[[]] * 2, one[9]]
    assert {person for frame in ids(judge(make.film(frames), default)) for person in frame} == {1}


@pytest.mark.parametrize("known", [True, False], ids=["with looks", "without looks"])
def test_people_who_cross(make, default, known):
    """One walks to the right, one to the left, and they pass each other."""
    frames = []
    for i in range(21):
        first = make.face(0.05 + 0.035 * i, 0.30, 0.12, person=1 if known else None, seed=i)
        second = make.face(0.75 - 0.035 * i, 0.33, 0.12, person=2 if known else None, seed=100 + i)
        frames.append([first, second])
    assert ids(judge(make.film(frames), default)) == [[1, 2]] * 21


def test_a_cut_between_two_people_filmed_alike(make, default):
    """Shot and reverse shot: the boxes lie in the same place, only the looks tell."""
    shots = [1, 2, 1, 2, 2, 1]
    frames = [
        [make.face(0.4, person=person, seed=7 * shot + i)]
        for shot, person in enumerate(shots)
        for i in range(6)
    ]
    expected = [[person] for person in shots for _ in range(6)]
    assert ids(judge(make.film(frames), default)) == expected


def test_a_cut_to_another_framing(make, default):
    """After the cut the same two people stand elsewhere, at another size, the other way round."""
    before = [
        [make.face(0.1, 0.2, 0.1, person=1, seed=i), make.face(0.7, 0.2, 0.1, person=2, seed=i)]
        for i in range(6)
    ]
    after = [
        [make.face(0.1, 0.4, 0.3, person=2, seed=50 + i), make.face(0.6, 0.4, 0.3, person=1, seed=i)]
        for i in range(6)
    ]
    assert ids(judge(make.film(before + after), default)) == [[1, 2]] * 6 + [[2, 1]] * 6


@pytest.mark.parametrize("alike", [0.2, 0.37, 0.43])
def test_two_who_look_rather_alike_change_places_at_a_cut(make, default, alike):
    """As alike as one pair in four to one in a hundred; each face a little less like its own person."""
    first, second = people_as_alike_as(alike)
    before = [[seen(make, 0.1, first, i), seen(make, 0.6, second, i)] for i in range(10)]
    after = [[seen(make, 0.1, second, 50 + i), seen(make, 0.6, first, 50 + i)] for i in range(10)]
    assert ids(judge(make.film(before + after), default)) == [[1, 2]] * 10 + [[2, 1]] * 10
    # After both were seen, each alone, where the first one stood.
    close = [[seen(make, 0.1, who, 7 * i)] for i, who in enumerate([second, first, second]) for _ in "12345"]
    expected = [[person] for person in (2, 1, 2) for _ in "12345"]
    assert ids(judge(make.film(before + close), default))[10:] == expected


def test_one_blurred_face_makes_nobody_new(make, default):
    """In one frame of ten the looks say little."""
    who, _ = people_as_alike_as(0.0)
    frames = [[seen(make, 0.4, who, i, own=0.45 if i % 10 == 5 else 0.975)] for i in range(40)]
    assert ids(judge(make.film(frames), default)) == [[1]] * 40


def test_who_turns_the_head_at_once_stays_the_same(make, default):
    """No face is like the one before the turn, but all of one side are like all of the other."""
    front, side = people_as_alike_as(0.52)
    frames = [[seen(make, 0.4, looks, i)] for looks in (front, side, front) for i in range(8)]
    assert ids(judge(make.film(frames), default)) == [[1]] * 24


def test_faces_tell_together_what_none_of_them_tells_alone(make, default):
    """Two people, each face so unlike its own person that single faces of the two are mixed up."""
    first, second = people_as_alike_as(0.3)
    frames = [
        [seen(make, 0.4, who, 31 * shot + i, own=0.86)]
        for shot, who in enumerate([first, second, first, second])
        for i in range(12)
    ]
    assert ids(judge(make.film(frames), default)) == [[p] for p in (1, 2, 1, 2) for _ in range(12)]


def people_as_alike_as(cosine, length=43):
    axes = np.linalg.qr(np.random.default_rng(3).normal(size=(length, 3)))[0].T
    return [np.sqrt(cosine) * axes[0] + np.sqrt(1 - cosine) * own for own in axes[1:]]


def seen(make, x, looks, seed, own=0.975):
    """A face whose looks have a cosine of `own` to those of its person."""
    away = np.random.default_rng(seed).normal(size=len(looks))
    away -= away @ looks * looks
    found = own * looks + np.sqrt(1 - own**2) * away / np.linalg.norm(away)
    return make.face(x).model_copy(update={"appearance": pack_vector(found)})


@pytest.mark.parametrize("fps", [0.1, 0.5, 0.6, 1.0, 5.0])
@pytest.mark.parametrize("profile", list(Profile))
def test_who_stays_is_one_person_however_seldom_frames_are_taken(make, models, fps, profile):
    frames = [[] if i % 7 == 3 else [make.face(0.4, seed=i)] for i in range(30)]
    assert len(judge(make.film(frames, fps=fps), models[profile]).people) == 1


def test_what_only_reminds_of_somebody_is_linked_and_not_read(make, default):
    """Happy twelve seconds ago, now back, and angry."""
    before = make.film([[make.face(0.4, person=1, label="happiness", confidence=0.9)]])
    now = make.film([[make.face(0.4, person=1, label="anger", confidence=0.9, seed=5)]] * 2, start=12.0)
    together = now.model_copy(update={"frames": before.frames + now.frames, "reminders": 1})
    found, alone = judge(together, default), judge(now, default)
    assert ids(found) == [[1], [1], [1]]
    assert found.people == alone.people
    assert (found.face, found.moments) == (alone.face, alone.moments)
    assert found.people[0].first_seen == 12.0


def test_who_is_only_reminded_of_is_not_read(make, default):
    """Somebody left long ago; somebody else has just come."""
    before = make.film([[make.face(0.4, person=1)]])
    now = make.film([[make.face(0.4, person=2)]], start=12.0)
    together = now.model_copy(update={"frames": before.frames + now.frames, "reminders": 1})
    found, alone = judge(together, default), judge(now, default)
    assert ids(found) == [[1], [2]]
    assert [person.id for person in found.people] == [2]
    assert (found.face, found.moments) == (alone.face, alone.moments)


def test_without_looks_a_jump_is_somebody_else(make, default):
    frames = [[make.face(0.1, 0.1, 0.1)]] * 5 + [[make.face(0.8, 0.7, 0.1)]] * 5
    assert ids(judge(make.film(frames), default)) == [[1]] * 5 + [[2]] * 5


def test_a_return_after_half_a_minute(make, default):
    frames = [[make.face(0.1, person=1, seed=i)] for i in range(5)] + [[]] * 150
    frames += [[make.face(0.7, person=1, seed=90 + i)] for i in range(5)]
    result = judge(make.film(frames), default)
    assert len(result.people) == 1
    assert result.people[0].frames == 10


def test_without_looks_a_return_after_long_is_not_guessed(make, default):
    frames = [[make.face(0.4)]] * 5 + [[]] * 20 + [[make.face(0.4)]] * 5
    assert [p.frames for p in judge(make.film(frames), default).people] == [5, 5]


def test_two_similar_boxes_stay_two_people(make, default):
    """Two heads close together, boxes overlapping by half."""
    frames = [[make.face(0.40, seed=i, person=1), make.face(0.50, seed=i, person=2)] for i in range(10)]
    assert ids(judge(make.film(frames), default)) == [[1, 2]] * 10
    frames = [[make.face(0.40), make.face(0.50)] for _ in range(10)]
    assert ids(judge(make.film(frames), default)) == [[1, 2]] * 10


def test_a_weak_detection_in_passing_is_nobody(make, default):
    frames = [[make.face(0.4, person=1, seed=i, label="happiness")] for i in range(20)]
    ghost = make.face(0.02, 0.8, 0.05, detection=0.55, pixels=20, label="anger", confidence=0.99)
    clean = judge(make.film(frames), default)
    result = judge(make.film([*frames[:10], [ghost, frames[10][0]], *frames[11:]]), default)
    assert result.persons_by_frame[10] == (None, 1)
    assert result.people == clean.people
    assert result.emotion == clean.emotion


def test_a_weak_face_that_is_all_there_is_counts(make, default):
    result = judge(make.film([[], [make.face(detection=0.5)], []]), default)
    assert len(result.people) == 1
    assert result.face.coverage == pytest.approx(1 / 3, abs=1e-4)


def test_one_frame_of_a_long_film_makes_nobody(make, default):
    frames = [[make.face(0.4, person=1, seed=i)] for i in range(20)]
    frames[10] = [*frames[10], make.face(0.05, 0.7, 0.1, person=2, pixels=60)]
    assert len(judge(make.film(frames), default).people) == 1


def test_a_short_sight_weighs_little(make, default):
    """A face seen clearly in two frames of twenty is a person, but hardly moves the verdict."""
    frames = [[make.face(0.4, person=1, seed=i, label="happiness", confidence=0.9)] for i in range(20)]
    for i in (10, 11):
        frames[i] = [
            *frames[i],
            make.face(0.05, 0.7, 0.1, person=2, label="anger", confidence=0.9, pixels=60),
        ]
    result = judge(make.film(frames), default)
    assert [person.frames for person in result.people] == [20, 2]
    assert result.face.label == "happiness"
    assert result.face.scores.anger < 0.1


def test_who_turns_away_slowly_stays_the_same(make, default):
    """The looks change bit by bit until nothing is left of the first."""
    chance = np.random.default_rng(5)
    first, last = np.linalg.qr(chance.normal(size=(32, 2)))[0].T
    frames = []
    for angle in np.linspace(0, np.pi / 2, 12):
        looks = pack_vector(np.cos(angle) * first + np.sin(angle) * last)
        frames.append([make.face(0.4).model_copy(update={"appearance": looks})])
    assert ids(judge(make.film(frames), default)) == [[1]] * 12


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 4), st.booleans())
def test_the_order_of_faces_in_a_frame_changes_nothing(make, default, shuffler, people, known):
    chance = random.Random(shuffler.random())
    frames = [
        [
            make.face(
                0.05 + 0.22 * p + 0.02 * chance.random(), 0.3, 0.15, person=p if known else None, seed=i
            )
            for p in range(people)
            if chance.random() < 0.8
        ]
        for i in range(8)
    ]
    orders = [shuffler.sample(range(len(faces)), len(faces)) for faces in frames]
    plain = judge(make.film(frames), default)
    mixed = judge(
        make.film([[faces[i] for i in order] for faces, order in zip(frames, orders, strict=True)]), default
    )
    assert mixed.model_dump(exclude={"persons_by_frame"}) == plain.model_dump(exclude={"persons_by_frame"})
    expected = [
        tuple(row[i] for i in order) for row, order in zip(plain.persons_by_frame, orders, strict=True)
    ]
    assert list(mixed.persons_by_frame) == expected


def test_many_people_one_after_the_other_are_forgotten_in_bounded_memory(make, default):
    """More people than are remembered: still everybody gets an id of their own."""
    frames = [[make.face(0.4, person=p, noise=0)] for p in range(300) for _ in range(2)]
    people = judge(make.film(frames), default).people
    assert [person.id for person in people] == list(range(1, len(people) + 1))
    assert len(people) >= 250


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=4))
def test_assignment_is_the_best_of_all(table):
    """Against trying every assignment. A score under 0.2 is not allowed."""
    rows = [{column: score for column, score in enumerate(row) if score >= 0.2} for row in table]
    chosen = assign(rows)
    taken = [column for column in chosen if column is not None]
    assert len(taken) == len(set(taken))
    total = sum(rows[i][column] for i, column in enumerate(chosen) if column is not None)
    padded = list(range(4)) + [None] * len(rows)
    best = max(
        sum(rows[i].get(column, 0.0) for i, column in enumerate(option) if column is not None)
        for option in set(itertools.permutations(padded, len(rows)))
    )
    assert total == pytest.approx(best)


def test_assignment_of_nothing():
    assert assign([]) == []
    assert assign([{}, {3: 0.5}]) == [None, 3]


def test_appearances_of_different_length_are_refused(make, default):
    mixed = make.face(person=1).model_copy(update={"appearance": make.looks(1, length=16)})
    with pytest.raises(Exception, match="mixed in `appearance`"):
        judge(make.film([[make.face(person=1)], [mixed]]), default)


def test_a_zero_appearance_is_no_appearance(make, default):
    blank = make.face().model_copy(update={"appearance": pack_vector(np.zeros(116))})
    assert (
        ids(judge(make.film([[make.face(person=1)], [blank], [make.face(person=1)]]), default)) == [[1]] * 3
    )
