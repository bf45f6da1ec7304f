import numpy as np
import pytest

from cli.timeline import lay_out
from shared.contracts.emotions import Emotion
from tests.cli.samples import moment


def test_few_moments_are_spread_over_several_cells_each() -> None:
    timeline = lay_out([moment(0, Emotion.NEUTRAL), moment(1, Emotion.ANGER)], 60)
    assert len(timeline.face) == 12
    assert timeline.curve(Emotion.ANGER)[:6] == pytest.approx([1 / 60] * 6, abs=1e-3)
    assert timeline.curve(Emotion.ANGER)[6:] == pytest.approx([0.9] * 6, abs=1e-3)


def test_many_moments_are_averaged() -> None:
    moments = [moment(at, Emotion.FEAR if at % 2 else Emotion.NEUTRAL) for at in range(100)]
    timeline = lay_out(moments, 50)
    assert timeline.scores.shape == (50, 7)
    assert np.allclose(timeline.scores.sum(axis=1), 1, atol=1e-3)
    assert timeline.curve(Emotion.FEAR) == pytest.approx([(0.9 + 1 / 60) / 2] * 50, abs=1e-3)


def test_a_gap_stays_a_gap() -> None:
    timeline = lay_out([moment(0, Emotion.NEUTRAL), moment(9, Emotion.NEUTRAL)], 10)
    curve = timeline.curve(Emotion.NEUTRAL)
    assert curve[0] is not None
    assert curve[-1] is not None
    assert None in curve


def test_what_was_read_is_marked() -> None:
    timeline = lay_out([moment(0, Emotion.NEUTRAL, speech=False), moment(1, Emotion.NEUTRAL, face=False)], 2)
    assert timeline.face.tolist() == [True, False]
    assert timeline.speech.tolist() == [False, True]


def test_emotions_that_stand_out_are_shown_strongest_first() -> None:
    moments = [moment(0, Emotion.ANGER), *(moment(at, Emotion.DISGUST) for at in (1, 2))]
    assert lay_out(moments, 30).curves_worth_showing() == [Emotion.DISGUST, Emotion.ANGER]


def test_one_curve_at_least() -> None:
    assert lay_out([moment(0, Emotion.SURPRISE, 0.16)], 30).curves_worth_showing() == [Emotion.SURPRISE]
