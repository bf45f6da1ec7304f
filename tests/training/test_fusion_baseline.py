"""Learning how a voice leans on what is usual for it, on made voices whose truth is known."""

import numpy as np
import pytest

from fusion_service.baseline import evidence
from fusion_service.calibration import softmax
from shared.contracts.fusion import Strategy
from training.fusion.baseline import learn_voice_rule, mean_evidence, readings_of
from training.fusion.baseline_figures import (
    GROUPS,
    FilmReadings,
    gain_table,
    leant,
    voice_figures,
    voice_gains,
    voice_rules,
    whole_actor_table,
)
from training.fusion.evaluate import Measured
from training.fusion.sessions import MIXES, draw_sessions
from training.fusion.start import START
from training.fusion.voices import Voices, read_voices
from training.measures import by_person

CLIPS = 42
EACH = 12


def made_voices(*, differ, people=9, corpora=GROUPS, seed=0):
    """Voices of people who differ from each other by `differ` logits in every emotion."""
    random = np.random.default_rng(seed)
    emotion = np.tile(np.arange(7), people * CLIPS // 7)
    person = np.repeat(np.arange(people), CLIPS)
    own = differ * random.normal(size=(people, 7))
    logits = 2.0 * np.eye(7)[emotion] + own[person] + 0.8 * random.normal(size=(len(emotion), 7))
    vectors = 2.0 * np.eye(7)[emotion] + own[person] + 0.8 * random.normal(size=(len(emotion), 7))
    corpus = np.asarray([f"corpus{one % corpora}" for one in person])
    return Voices(
        softmax(logits),
        vectors,
        emotion,
        corpus,
        np.char.add(np.char.add(corpus, "/"), person.astype(str)),
        np.asarray([f"clip{index}" for index in range(len(emotion))]),
    )


def gain(voices):
    """Points that varied and one-sided sessions of people gain by rules that never saw their corpus."""
    found = voice_gains(voices, voice_rules(voices, each=EACH), each=EACH)
    return {mix: found[mix, 20].mean(found[mix, 20].after - found[mix, 20].before) for mix in MIXES}


def test_people_who_differ_gain_and_nobody_is_turned_round():
    found = gain(made_voices(differ=0.8))
    assert found["all alike"] > 0.05
    assert min(found.values()) > -0.02


def test_where_all_are_alike_nothing_is_lost():
    assert min(gain(made_voices(differ=0.0)).values()) > -0.02


def test_a_rule_takes_off_more_where_people_differ_more():
    alike, unlike = (learn_voice_rule(made_voices(differ=differ), each=EACH) for differ in (0.0, 1.5))
    offsets = [rule.scores_offset + rule.vector_offset for rule in (alike, unlike)]
    assert offsets[1] > offsets[0] + 0.3


def test_mean_evidence_is_that_of_each_emotion():
    voices = made_voices(differ=0.5)
    means = np.asarray(mean_evidence(voices.scores, voices.vectors, voices.emotion))
    own = evidence(voices.scores, voices.vectors)[voices.emotion == 4]
    assert np.allclose(means[4], own.mean(axis=0), atol=1e-4)


def test_a_session_holds_what_it_is_asked_for_and_others_are_fresh():
    voices = made_voices(differ=0.0)
    for mix in MIXES:
        drawn = draw_sessions(
            voices.people(), voices.emotion, length=5, mix=mix, random=np.random.default_rng(3)
        )
        assert drawn.heard.shape == (9, 5)
        for heard, fresh in zip(drawn.heard, drawn.fresh, strict=True):
            assert not set(heard) & set(fresh)
            assert len(set(voices.person[heard]) | set(voices.person[fresh])) == 1
            assert set(voices.emotion[fresh]) == set(range(7))
            if mix.startswith("only"):
                (one,) = set(voices.emotion[heard])
                assert (one == 0) == mix.endswith("neutral")


def test_too_short_a_session_is_left_as_it_is_and_tables_say_all():
    voices = made_voices(differ=1.0)
    rule = learn_voice_rule(voices, each=EACH)
    few = readings_of(voices, np.arange(4))
    assert (leant(few, rule) == few.scores).all()
    found = voice_gains(voices, voice_rules(voices, each=EACH), each=EACH)
    assert all(f"| {mix} |" in gain_table(found) for mix in MIXES)
    assert all(figure.what.startswith(f"voice, {GROUPS} corpora, ") for figure in voice_figures(found, 20))


def test_films_of_an_actor_taken_as_one_are_drawn_with_the_actor():
    voices = made_voices(differ=2.0, people=4, corpora=1)
    rule, size = learn_voice_rule(voices, each=EACH), len(voices.emotion)
    measured = Measured(
        voices.person,
        voices.emotion,
        {"strategy face": voices.scores},
        np.zeros(size),
        dict.fromkeys(voices.person.tolist(), START),
        [],
        np.ones(size, dtype=bool),
        (voices.emotion, voices.scores, np.ones(size, dtype=bool)),
    )
    films = FilmReadings(measured, voices, rule, (np.ones(size), np.ones(size)))
    text, figures = whole_actor_table(films)
    for figure, leaning in zip(figures, (None, rule), strict=True):
        fused = [films.scored(rows, rule=leaning, way=Strategy.LEARNED) for rows in films.people]
        right = np.concatenate(fused).argmax(axis=1) == voices.emotion
        share = by_person(right, voices.person)
        assert (figure.low, figure.high) == (round(100 * share.low, 1), round(100 * share.high, 1))
        assert f"| {100 * share.low:.1f}-{100 * share.high:.1f} |" in text


@pytest.mark.parametrize(("clips", "emotions", "kept"), [(20, 4, True), (19, 4, False), (30, 3, False)])
def test_people_with_too_little_or_too_plain_speech_are_left_out(tmp_path, clips, emotions, kept):
    path = tmp_path / "oof_voices.npz"
    np.savez(
        path,
        corpus=np.asarray(["corpus"] * clips + ["urdu"] * 40),
        speaker=np.asarray(["1"] * (clips + 40)),
        name=np.asarray([str(index) for index in range(clips + 40)]),
        logits=np.zeros((clips + 40, 7), dtype=np.float32),
        voice=np.zeros((clips + 40, 7), dtype=np.float32),
        label=np.arange(clips + 40) % emotions,
    )
    assert len(read_voices(path, 1.2)) == (clips if kept else 0)
