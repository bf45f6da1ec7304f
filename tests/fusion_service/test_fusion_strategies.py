"""Properties that every way of joining face and voice must have."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_service.parameters import PoolWeights
from fusion_service.pooling import Readings, log_linear, pool_groups
from fusion_service.strategies import fuse
from fusion_service.verdicts import ASKED_FROM, judge
from shared.contracts.fusion import Strategy

seven = st.lists(st.floats(0.001, 1), min_size=7, max_size=7).map(lambda w: np.asarray(w) / sum(w))
quality = st.floats(0.05, 1)
strategies = st.sampled_from(list(Strategy))
pools = st.builds(
    PoolWeights,
    face=st.tuples(*[st.floats(0.05, 3)] * 7),
    speech=st.tuples(*[st.floats(0.05, 3)] * 7),
    quality_power=st.floats(0, 2),
)


def naming(scores, label):
    """The same scores, the highest moved to `label` and a little higher than any other."""
    named, top = scores.copy(), scores.argmax()
    named[label], named[top] = scores[top] + 0.001, scores[label]
    return named / named.sum()


@st.composite
def agreements(draw):
    """What face and voice say, both naming the same emotion, with their qualities."""
    label = draw(st.integers(0, 6))
    face, speech = (reading(naming(draw(seven), label), draw(quality)) for _ in range(2))
    return face, speech, label


def reading(scores, trust):
    return Readings(np.asarray(scores)[None], np.asarray([trust]))


def surer(said, label, part):
    """Move `part` of what is missing to the label; the others keep their proportions."""
    moved = said.scores * (1 - part)
    moved[:, label] += part
    return Readings(moved, said.quality)


@given(seven, seven, quality, quality, strategies)
def test_scores_and_weights_sum_to_one(default, face, speech, face_quality, speech_quality, strategy):  # noqa: PLR0917 - drawn
    fused = fuse(reading(face, face_quality), reading(speech, speech_quality), strategy, default.parameters)
    assert fused.scores.sum() == pytest.approx(1)
    assert (fused.scores >= 0).all()
    assert 0 <= fused.face_weight[0] <= 1


@pytest.mark.parametrize("strategy", list(Strategy))
def test_what_face_and_voice_contradict_each_other_in_is_uncertain(default, make, strategy):
    frames = [[make.face(label="happiness", confidence=0.97)]] * 10
    spoken = {name: make.segment(0, 2, name, 0.97) for name in ("happiness", "sadness")}
    same, against = (
        judge(make.film(frames, segments=[segment], strategy=strategy), default)
        for segment in spoken.values()
    )
    alone = strategy in {Strategy.FACE, Strategy.SPEECH}
    assert against.emotion.uncertain is not alone
    assert {moment.uncertain for moment in against.moments} == {not alone}
    assert not same.emotion.uncertain
    # The one reading is sure of itself all the same.
    assert not against.face.uncertain
    assert not against.speech.uncertain


def test_a_voice_that_hardly_counts_contradicts_nobody(default, make):
    frames = [[make.face(label="happiness", confidence=0.97)]] * 10
    noise = make.segment(0, 0.3, "sadness", 0.5, snr_db=-15.0)
    found = judge(make.film(frames, segments=[noise]), default).emotion
    assert found.weights.speech < ASKED_FROM
    assert not found.uncertain


@given(seven, quality, strategies)
def test_a_silent_modality_changes_nothing(default, scores, trust, strategy):
    silent, speaking = Readings.silent(1), reading(scores, trust)
    alone = fuse(speaking, silent, strategy, default.parameters)
    if strategy is not Strategy.SPEECH:
        np.testing.assert_allclose(alone.scores[0], scores)
        assert alone.face_weight[0] == 1
    alone = fuse(silent, speaking, strategy, default.parameters)
    if strategy is not Strategy.FACE:
        np.testing.assert_allclose(alone.scores[0], scores)
        assert alone.face_weight[0] == 0


@given(strategies)
def test_two_silent_modalities_say_nothing(default, strategy):
    fused = fuse(Readings.silent(2), Readings.silent(2), strategy, default.parameters)
    assert np.isnan(fused.scores).all()


@settings(max_examples=200)
@given(agreements(), strategies, st.floats(0, 1), st.booleans())
def test_more_agreement_never_lowers_confidence(default, agreement, strategy, part, move_face):
    """Both name the same emotion; one grows surer of it, in proportion at the others' expense."""
    face, speech, label = agreement
    before = fuse(face, speech, strategy, default.parameters).scores[0]
    if move_face:
        face = surer(face, label, part)
    else:
        speech = surer(speech, label, part)
    after = fuse(face, speech, strategy, default.parameters).scores[0]
    assert after[label] >= before[label] - 1e-9


@settings(max_examples=200)
@given(agreements(), st.floats(0, 1), pools)
def test_agreement_holds_for_any_weights_of_the_pool(agreement, part, weights):
    """The same for weights that differ by emotion, whatever they are."""
    face, speech, label = agreement
    before = log_linear(face, speech, weights)[0][0]
    after = log_linear(surer(face, label, part), speech, weights)[0][0]
    assert after[label] >= before[label] - 1e-9
    assert before.sum() == pytest.approx(1)


@given(agreements(), strategies)
def test_agreement_is_never_below_the_less_sure_of_the_two(default, agreement, strategy):
    face, speech, label = agreement
    fused = fuse(face, speech, strategy, default.parameters).scores[0]
    if strategy is not Strategy.MAX:  # the maximum rule spreads what the two do not agree on
        assert fused[label] >= min(face.scores[0, label], speech.scores[0, label]) - 1e-9


@given(agreements(), strategies)
def test_the_label_that_both_name_stays(default, agreement, strategy):
    face, speech, label = agreement
    fused = fuse(face, speech, strategy, default.parameters).scores[0]
    assert fused[label] >= fused.max() - 1e-9


@given(seven, seven)
def test_a_poorer_input_counts_less(default, face, speech):
    good = fuse(reading(face, 0.9), reading(speech, 0.9), Strategy.LEARNED, default.parameters)
    poor = fuse(reading(face, 0.1), reading(speech, 0.9), Strategy.LEARNED, default.parameters)
    assert poor.face_weight[0] < good.face_weight[0]


def test_mean_and_max_are_what_they_say(default):
    face = np.asarray([0.7, 0.1, 0.1, 0.1, 0, 0, 0])
    speech = np.asarray([0.2, 0.8, 0, 0, 0, 0, 0])
    mean = fuse(reading(face, 1), reading(speech, 1), Strategy.MEAN, default.parameters)
    np.testing.assert_allclose(mean.scores[0], [0.45, 0.45, 0.05, 0.05, 0, 0, 0])
    highest = fuse(reading(face, 1), reading(speech, 1), Strategy.MAX, default.parameters)
    np.testing.assert_allclose(highest.scores[0], np.asarray([0.7, 0.8, 0.1, 0.1, 0, 0, 0]) / 1.7)
    assert highest.face_weight[0] == pytest.approx(0.9 / 1.7)


def test_weights_of_the_pool_may_not_be_negative():
    with pytest.raises(ValueError, match="negative"):
        PoolWeights(face=(-0.1, *[1.0] * 6), speech=(1.0,) * 7, quality_power=1)


def test_pooling_of_groups():
    scores = np.asarray([[1.0, 0, 0, 0, 0, 0, 0], [0, 1.0, 0, 0, 0, 0, 0]])
    pooled = pool_groups(scores, np.asarray([3.0, 1.0]), np.asarray([1, 1]), 3)
    np.testing.assert_allclose(pooled[1], [0.75, 0.25, 0, 0, 0, 0, 0])
    assert np.isnan(pooled[[0, 2]]).all()


@settings(max_examples=30, deadline=None)
@given(seven, st.integers(1, 6), st.integers(2, 4))
def test_repeated_frames_and_people_change_no_label(make, default, weights, frames, times):
    """The same picture shown longer says the same."""
    face = make.face(label=make.spread(weights))
    once = judge(make.film([[face]] * frames), default).face.scores.array()
    longer = judge(make.film([[face]] * (frames * times)), default).face.scores.array()
    assert longer.argmax() == once.argmax() or np.sort(once)[-1] - np.sort(once)[-2] < 1e-3


def test_every_strategy_judges_a_film(make, models):
    request = make.film([[make.face(label="happiness")]] * 5, segments=[make.segment(0, 1, "anger")])
    for model in models.values():
        for strategy in Strategy:
            verdict = judge(request.model_copy(update={"strategy": strategy}), model).emotion
            assert verdict.weights.face + verdict.weights.speech == pytest.approx(1)
            assert sum(verdict.scores.values()) == pytest.approx(1, abs=1e-3)


def test_the_paper_profile_averages_plainly(make, models):
    frames = [
        [make.face(label="happiness", confidence=0.9, pixels=20)],
        [make.face(label="sadness", confidence=0.8)],
    ]
    request = make.film(frames, segments=[make.segment(0, 0.3, "anger")], profile="paper")
    result = judge(request, models[request.profile])
    faces = np.mean([f[0].scores.array() for f in frames], axis=0)
    np.testing.assert_allclose(result.face.scores.array(), faces, atol=2e-4)
    expected = (faces + make.scores("anger").array()) / 2
    np.testing.assert_allclose(result.emotion.scores.array(), expected, atol=2e-4)
    assert result.emotion.weights.face == 0.5


def test_strategy_face_without_a_face_says_nothing(make, default):
    result = judge(make.film([[]], segments=[make.segment()], strategy="face"), default)
    assert result.emotion is None
    assert result.speech is not None
