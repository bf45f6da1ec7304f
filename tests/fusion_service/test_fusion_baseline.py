"""What is usual for a voice: when scores lean on it, and that they do not turn into their opposite."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_service.baseline import PersonReadings, evidence, lean, usual_of
from fusion_service.verdicts import judge
from shared.contracts.emotions import EMOTIONS, Emotion, Scores
from shared.contracts.problems import Problem
from shared.contracts.speech import SpeechSegment
from shared.contracts.vectors import pack_vector

SECONDS = 3.0


@pytest.fixture
def rule(default):
    assert default.parameters.voice_baseline is not None
    return default.parameters.voice_baseline


def everybody(rule, emotion):
    """The log scores and the vector that the mean of many people has for an emotion."""
    row = np.asarray(rule.usual[EMOTIONS.index(emotion)])
    return row[:7], row[7:]


def spoken(rule, emotions, *, sounds_like=None, by=0.0, start=0.0, seconds=SECONDS):
    """Segments of one voice; `sounds_like` is the emotion towards which it differs from everybody's."""
    offset = np.zeros(7)
    if sounds_like is not None:
        offset[EMOTIONS.index(sounds_like)] = by
    segments = []
    for index, emotion in enumerate(emotions):
        logs, vector = everybody(rule, emotion)
        raised = np.exp(logs + offset)
        segments.append(
            SpeechSegment(
                start=start + index * (seconds + 1.0),
                end=start + index * (seconds + 1.0) + seconds,
                scores=Scores.of(raised / raised.sum()),
                snr_db=25.0,
                voice=pack_vector(vector + offset),
            )
        )
    return segments


def heard(make, default, segments, **options):
    """What is judged of a sound with these segments."""
    return judge(
        make.film([], kind="sound", seconds=max(10.0, segments[-1].end), segments=segments, **options),
        default,
    )


VARIED = [Emotion.NEUTRAL, Emotion.HAPPINESS, Emotion.SADNESS, Emotion.ANGER, Emotion.FEAR] * 2


def test_a_voice_that_always_sounds_sad_is_heard_right_once_it_is_known(make, default, rule):
    sadness = EMOTIONS.index(Emotion.SADNESS)
    leads = [
        logs[EMOTIONS.index(emotion)] - logs[sadness]
        for emotion in set(VARIED) - {Emotion.SADNESS}
        for logs, _ in [everybody(rule, emotion)]
    ]
    # Just sad enough that one of the emotions is taken for sadness.
    segments = spoken(rule, VARIED, sounds_like=Emotion.SADNESS, by=min(leads) + 0.1)
    as_it_is = heard(make, default, segments, baseline="off", moment_seconds=4.0)
    leaning = heard(make, default, segments, moment_seconds=4.0)

    def right(result):
        return [moment.label == played for moment, played in zip(result.moments, VARIED, strict=True)].count(
            True
        )

    assert right(leaning) > right(as_it_is)
    neutral = slice(0, None, 5)
    for before, after in zip(as_it_is.moments[neutral], leaning.moments[neutral], strict=True):
        assert after.scores.neutral > before.scores.neutral


def test_it_says_on_how_much_it_rests_and_can_be_turned_off(make, default, rule):
    segments = spoken(rule, VARIED)
    result = heard(make, default, segments)
    assert result.speech.baseline.start == segments[0].start
    assert result.speech.baseline.readings == len(VARIED)
    assert result.speech.baseline.strength == pytest.approx(10 / 11, abs=1e-3)
    off = heard(make, default, segments, baseline="off")
    assert off.speech.baseline is None
    assert off.speech.scores != result.speech.scores


def test_too_little_changes_nothing(make, default, rule):
    segments = spoken(rule, VARIED[:4], sounds_like=Emotion.SADNESS, by=1.5)
    assert heard(make, default, segments) == heard(make, default, segments, baseline="off")
    # Ten scraps of speech are not ten readings.
    scraps = spoken(rule, VARIED, sounds_like=Emotion.SADNESS, by=1.5, seconds=0.5)
    assert heard(make, default, scraps).speech.baseline is None


def test_what_was_heard_earlier_counts_but_is_not_judged(make, default, rule):
    earlier = spoken(rule, VARIED, sounds_like=Emotion.SADNESS, by=1.9)
    (now,) = spoken(rule, [Emotion.NEUTRAL], sounds_like=Emotion.SADNESS, by=1.9, start=60.0)
    alone = heard(make, default, [now])
    known = heard(make, default, [now], earlier_segments=earlier)
    assert alone.speech.baseline is None
    assert known.speech.baseline.readings == len(VARIED) + 1
    assert known.speech.seconds == alone.speech.seconds
    assert known.speech.scores.neutral > alone.speech.scores.neutral
    assert known.speech.scores.sadness < alone.speech.scores.sadness
    assert heard(make, default, [now], earlier_segments=earlier, baseline="off") == alone


@pytest.mark.parametrize("emotion", [emotion for emotion in EMOTIONS if emotion != Emotion.DISGUST])
def test_a_person_who_was_always_one_emotion_stays_so(make, default, rule, emotion):
    result = heard(make, default, spoken(rule, [emotion] * 20))
    assert result.speech.baseline is not None
    assert result.speech.label == emotion
    off = heard(make, default, spoken(rule, [emotion] * 20), baseline="off")
    assert result.speech.confidence >= off.speech.confidence - 0.05


def test_segments_without_a_voice_are_left_as_they_are(make, default, rule):
    known = spoken(rule, VARIED, sounds_like=Emotion.SADNESS, by=1.5)
    bare = [segment.model_copy(update={"voice": None}) for segment in known]
    assert heard(make, default, bare) == heard(make, default, bare, baseline="off")
    mixed = [*known, bare[0].model_copy(update={"start": 50.0, "end": 53.0})]
    result = heard(make, default, mixed, moment_seconds=1.0)
    assert result.speech.baseline.readings == len(known)
    last = next(moment for moment in result.moments if moment.start == 51.0)
    # Scores are rounded, and scaled to sum to 1 when they are read.
    np.testing.assert_allclose(last.speech.scores.array(), bare[0].scores.array(), atol=2e-4)


def test_vectors_of_two_lengths_are_refused(make, default, rule):
    segments = spoken(rule, VARIED)
    segments[0] = segments[0].model_copy(update={"voice": pack_vector(np.zeros(3))})
    with pytest.raises(Problem, match="are mixed in `voice`"):
        heard(make, default, segments)


def test_the_paper_profile_never_leans(make, models, rule):
    segments = spoken(rule, VARIED)
    request = make.film([], kind="sound", seconds=60.0, segments=segments, profile="paper")
    assert judge(request, models["paper"]).speech.baseline is None


@given(
    st.lists(st.integers(0, 6), min_size=5, max_size=30),
    st.integers(0, 2**32 - 1),
    st.floats(0.0, 3.0),
)
@settings(deadline=None, max_examples=60)
def test_scores_stay_scores_and_their_order_does_not_matter(default, emotions, seed, noise):
    rule = default.parameters.voice_baseline
    random = np.random.default_rng(seed)
    rows = np.asarray(rule.usual)[emotions] + noise * random.normal(size=(len(emotions), 14))
    raised = np.exp(rows[:, :7])
    scores = raised / raised.sum(axis=1, keepdims=True)
    readings = PersonReadings(scores, rows[:, 7:], random.uniform(0.2, 1.0, len(emotions)))
    usual = usual_of(readings, rule)
    if usual is None:
        assert readings.weight.sum() < rule.least_readings
        return
    leant = lean(readings, usual, rule)
    assert np.allclose(leant.sum(axis=1), 1)
    order = random.permutation(len(emotions))
    turned = PersonReadings(scores[order], rows[order, 7:], readings.weight[order])
    assert np.allclose(lean(turned, usual_of(turned, rule), rule), leant[order])
    # A constant that is added to a vector tells nothing.
    shifted = PersonReadings(scores, rows[:, 7:] + 3.0, readings.weight)
    assert np.allclose(lean(shifted, usual_of(shifted, rule), rule), leant)
    assert evidence(scores, rows[:, 7:]).shape == (len(emotions), 14)
