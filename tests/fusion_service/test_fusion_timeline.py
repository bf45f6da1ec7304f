"""Moments: edges, gaps, offsets, overlaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_service.timeline import moment_edges, moments_of_frames
from fusion_service.verdicts import judge


@given(st.floats(0, 1000), st.floats(0.001, 500), st.floats(0.1, 60))
def test_edges_cover_the_stretch_exactly(start, seconds, length):
    edges = moment_edges(start, seconds, length)
    assert edges[0] == start
    assert edges[-1] == pytest.approx(start + seconds)
    assert (np.diff(edges) > 0).all()
    assert (np.diff(edges) <= length * 1.1 + 1e-6).all()


def test_a_tiny_rest_joins_the_last_moment():
    np.testing.assert_allclose(moment_edges(0, 3.04, 1), [0, 1, 2, 3.04])
    np.testing.assert_allclose(moment_edges(0, 3.2, 1), [0, 1, 2, 3, 3.2])
    np.testing.assert_allclose(moment_edges(0, 0.04, 1), [0, 0.04])


def test_a_frame_on_the_very_end_belongs_to_the_last_moment():
    edges = moment_edges(2, 2, 1)
    assert list(moments_of_frames(np.asarray([1.9, 2, 2.99, 3, 4, 4.1]), edges)) == [-1, 0, 0, 1, 1, -1]


def test_moments_say_what_was_seen_and_heard_when(make, default):
    frames = [[make.face(label="happiness")]] * 5 + [[]] * 5 + [[make.face(label="happiness")]] * 5
    request = make.film(frames, segments=[make.segment(1.2, 2.5, "sadness")])
    first, second, third = judge(request, default).moments
    assert (first.start, first.end, first.label) == (0, 1, "happiness")
    assert first.speech is None
    assert second.face is None
    assert second.scores == second.speech.scores == make.scores("sadness")
    assert third.face.label == "happiness"
    assert third.speech.label == "sadness"


def test_moments_without_anything_are_left_out(make, default):
    frames = [[make.face()]] * 5 + [[]] * 10 + [[make.face()]] * 5
    assert [m.start for m in judge(make.film(frames), default).moments] == [0, 3]


def test_nothing_seen_and_nothing_heard(make, default):
    result = judge(make.film([[], []]), default)
    assert result.emotion is result.face is result.speech is None
    assert result.people == result.moments == ()
    assert result.persons_by_frame == ((), ())


def test_a_picture_has_no_moments(make, default):
    result = judge(make.film([[make.face(label="happiness")]], kind="picture", seconds=0), default)
    assert result.moments == ()
    assert result.emotion.scores == result.face.scores == make.scores("happiness")
    assert result.emotion.weights.face == 1
    assert result.people[0].frames == 1


def test_a_sound_has_moments_of_its_voice(make, default):
    request = make.film([], kind="sound", seconds=4, segments=[make.segment(0.5, 1.5, "anger")])
    result = judge(request, default)
    assert [m.start for m in result.moments] == [0, 1]
    assert result.emotion.label == result.speech.label == "anger"
    assert result.emotion.weights.speech == 1
    assert result.face is None


def test_seconds_of_zero_give_no_moments_but_a_verdict(make, default):
    result = judge(make.film([[make.face()]], seconds=0), default)
    assert result.moments == ()
    assert result.emotion is not None


def test_segments_beyond_the_end_count_for_the_verdict_only(make, default):
    request = make.film(
        [[make.face()]] * 5, segments=[make.segment(0.5, 9, "anger"), make.segment(20, 21, "anger")]
    )
    result = judge(request, default)
    assert [(m.start, m.end) for m in result.moments] == [(0, 1)]
    assert result.speech.seconds == pytest.approx(9.5)


def test_a_segment_that_only_touches_a_moment_is_not_heard_in_it(make, default):
    result = judge(make.film([], kind="sound", seconds=3, segments=[make.segment(0, 1.001)]), default)
    assert [m.start for m in result.moments] == [0]


def test_a_very_short_segment_is_heard(make, default):
    result = judge(make.film([], kind="sound", seconds=3, segments=[make.segment(1.01, 1.04)]), default)
    assert [m.start for m in result.moments] == [1]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 400).map(lambda quarter: quarter / 4), st.integers(1, 12), st.integers(0, 3))
def test_shifting_time_shifts_the_result(make, default, shift, frames, gap):
    """Quarters of a second keep the arithmetic exact."""

    def told(start):
        faces = [[make.face(0.3 + 0.01 * i, label="anger")] if i % 4 != gap else [] for i in range(frames)]
        segments = [make.segment(start + 0.25, start + 1.75, "fear")]
        return judge(make.film(faces, fps=4, start=start, segments=segments), default)

    plain, later = told(0.0), told(shift)
    assert later.emotion == plain.emotion
    assert later.persons_by_frame == plain.persons_by_frame
    assert [(m.start - shift, m.end - shift, m.scores) for m in later.moments] == [
        (m.start, m.end, m.scores) for m in plain.moments
    ]
    assert [p.first_seen - shift for p in later.people] == [p.first_seen for p in plain.people]


def test_only_the_modalities_asked_for_are_read(make, default):
    request = make.film([[make.face()]], segments=[make.segment()], modalities=["speech"])
    result = judge(request, default)
    assert result.face is None
    assert result.people == ()
    assert result.emotion.scores == result.speech.scores
    assert result.persons_by_frame == ((None,),)


def test_thresholds_of_uncertainty(make, default):
    request = make.film([[make.face(confidence=0.6)]], face_uncertain_below=0.7)
    assert judge(request, default).face.uncertain
    assert judge(request, default).emotion.uncertain
    request = make.film([[make.face(confidence=0.6)]], face_uncertain_below=0.5)
    assert not judge(request, default).emotion.uncertain


@pytest.mark.parametrize(("strategy", "uncertain"), [("face", False), ("speech", True), ("mean", True)])
def test_what_one_modality_says_is_as_uncertain_as_its_network_finds(make, default, strategy, uncertain):
    request = make.film(
        [[make.face(confidence=0.45)]],
        segments=[make.segment(confidence=0.45)],
        strategy=strategy,
        face_uncertain_below=0.4,
        speech_uncertain_below=0.7,
    )
    assert default.manifest.uncertain_below > 0.45
    result = judge(request, default)
    assert result.emotion.uncertain is uncertain
    assert result.moments[0].uncertain is uncertain
