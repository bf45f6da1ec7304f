"""Splits keep people apart; solvers and measures do what they say."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sklearn.linear_model import LogisticRegression  # noqa: E402

from training.corpora.speech import FOLDERS, RAVDESS_FOLDS, TEST_ONLY, Clip  # noqa: E402
from training.speech.ensemble import Recipe, Voices, mix_pairs, train  # noqa: E402
from training.speech.evaluate import (  # noqa: E402
    expected_calibration_error,
    fit_temperature,
    measure,
    threshold_for,
)
from training.speech.head import balanced_weights, solve  # noqa: E402
from training.speech.noises import MAKERS, make_noises  # noqa: E402
from training.speech.reduction import Moments  # noqa: E402
from training.speech.table import FOLDS, TESTED_FOLD, UNHEARD, heard_by_encoder, table_of  # noqa: E402
from training.speech.train import SHIP, fit_names, training_rows  # noqa: E402

LABELS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised", "bored")


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    clips = []
    for corpus in FOLDERS:
        speakers = [f"{n:02d}" for n in range(1, 21)] if corpus == "ravdess" else [f"s{n}" for n in range(12)]
        for speaker in speakers:
            for label in random.choice(LABELS, 9):
                clips.append(
                    Clip(
                        corpus.removesuffix("_more"), f"{len(clips)}", speaker, str(label), "f", "", 1.0, b""
                    )
                )
    return table_of(clips)


def people(table, rows):
    return set(zip(table.corpus[rows].tolist(), table.speaker[rows].tolist(), strict=True))


def test_no_speaker_stands_in_two_folds(table):
    for k in range(FOLDS):
        assert not people(table, table.fold == k) & people(table, table.fold != k)


def test_the_encoder_hears_nobody_who_is_measured(table):
    heard = heard_by_encoder(table)
    assert heard.any()
    assert not people(table, heard) & people(table, table.calibration)
    assert not np.isin(table.corpus[heard], UNHEARD).any()
    measured = (table.fold == TESTED_FOLD) & ~np.isin(table.corpus, UNHEARD)
    assert measured.any()
    assert not people(table, heard) & people(table, measured)


def test_no_fit_sees_a_tested_or_calibrating_speaker(table):
    for fit in fit_names():
        rows = training_rows(table, fit)
        assert rows.any()
        assert not np.isin(table.corpus[rows], TEST_ONLY).any()
        kept = table.calibration if fit == SHIP else table.fold == int(fit.removeprefix("fold"))
        assert not people(table, rows) & people(table, kept)
    assert table.calibration.any()


def test_ravdess_has_its_published_folds(table):
    rows = table.corpus == "ravdess"
    for k, actors in enumerate(RAVDESS_FOLDS):
        assert set(table.speaker[rows & (table.fold == k)]) == {str(actor) for actor in actors}


def test_calm_counts_as_neutral_and_other_labels_as_none(table):
    assert set(table.emotion[table.label == "calm"]) == {0}
    assert set(table.emotion[table.label == "bored"]) == {-1}


def blobs(clips=600, directions=20, classes=7):
    random = np.random.default_rng(1)
    labels = random.integers(0, classes, clips)
    centres = random.normal(size=(classes, directions))
    return (centres[labels] + random.normal(size=(clips, directions))).astype(np.float32), labels.astype(
        np.int64
    )


def test_the_head_agrees_with_scikit_learn():
    x, labels = blobs()
    weight, bias = solve(
        x,
        labels,
        allowed=np.ones((len(x), 7), dtype=bool),
        weights=np.ones(len(x), dtype=np.float32),
        strength=1.0,
        iterations=500,
    )
    known = LogisticRegression(C=1.0, max_iter=2000, tol=1e-8).fit(x, labels)
    ours = x @ weight + bias
    np.testing.assert_allclose(ours - ours.mean(1, keepdims=True), known.decision_function(x), atol=0.1)


def test_the_ensemble_learns():
    x, labels = blobs()
    weights = np.ones(400, dtype=np.float32)
    found = train(
        x[:400], labels[:400], weights, classes=7, recipe=Recipe(seeds=2, hidden=32, epochs=30, batch=50)
    )
    assert (found.logits(x[400:]).argmax(1) == labels[400:]).mean() > 0.8


def spoken(clips=800, directions=30):
    """Two corpora of two speakers each; a speaker says one of two labels nine times in ten."""
    random = np.random.default_rng(2)
    speaker = random.integers(0, 4, clips)
    labels = np.where(random.random(clips) < 0.9, speaker % 2, 1 - speaker % 2).astype(np.int64)
    voice, centres = random.normal(size=(4, directions)), random.normal(size=(2, directions))
    x = (3 * voice[speaker] + centres[labels] + random.normal(size=(clips, directions))).astype(np.float32)
    return x, labels, np.array(["b", "a"])[speaker // 2], speaker.astype(str), voice


def test_a_voice_is_what_a_speaker_has_beside_the_label():
    x, labels, corpus, speaker, voice = spoken()
    found = Voices.of(x, labels, corpus, speaker)
    one, other = found.speaker[speaker == "0"][0], found.speaker[speaker == "1"][0]
    np.testing.assert_allclose(found.own[one] - found.own[other], 3 * (voice[0] - voice[1]), atol=0.6)
    for row, name in zip(found.speaker, corpus, strict=True):
        others = np.arange(found.first[row], found.first[row] + found.count[row])
        assert row in others
        assert set(corpus[np.isin(found.speaker, others)]) == {name}


def test_who_learned_with_other_voices_hears_the_voice_less():
    x, labels, corpus, speaker, voice = spoken()
    recipe = Recipe(seeds=1, hidden=32, epochs=20, batch=50, hidden_away=0, mixing=0, swapping=1)
    weights = np.ones(len(x), dtype=np.float32)
    voices = Voices.of(x, labels, corpus, speaker)
    changed = x + 3 * (voice[1] - voice[0]).astype(np.float32) * (speaker == "0")[:, None]
    heard = []
    for given in (None, voices):
        found = train(x, labels, weights, classes=2, recipe=recipe, voices=given)
        heard.append(np.abs(found.logits(changed) - found.logits(x))[speaker == "0"].mean())
    assert heard[1] < 0.7 * heard[0]


def test_clips_are_mixed_as_their_labels_are():
    torch.manual_seed(0)
    one = torch.eye(40)
    mixed, targets, shares = mix_pairs(one, one, torch.arange(40.0), 0.3)
    assert torch.equal(mixed, targets)
    torch.testing.assert_close(mixed @ torch.arange(40.0), shares)
    assert (mixed.diagonal() >= 0.5).all()
    assert (mixed.diagonal() < 0.95).any()
    assert mix_pairs(one, one, shares, 0)[0] is one


def test_weights_balance_labels_and_corpora():
    corpus = np.array(["a"] * 90 + ["b"] * 10)
    labels = np.array([0] * 60 + [1] * 30 + [0] * 5 + [1] * 5)
    weights = balanced_weights(corpus, labels)
    assert weights.mean() == pytest.approx(1)
    assert weights[:60].sum() == pytest.approx(weights[60:90].sum())
    assert weights[:90].sum() / weights[90:].sum() == pytest.approx(3)


def test_directions_are_those_of_the_strongest_spread():
    random = np.random.default_rng(0)
    hidden = random.normal(size=(500, 3))
    features = np.concatenate([hidden @ random.normal(size=(3, 40)) for _ in range(5)], axis=1)
    parts = Moments.of(features[:200].astype(np.float16)) + Moments.of(features[200:].astype(np.float16))
    reduction = parts.reduction(strongest=3)
    reduced = reduction.apply(features)
    known = np.linalg.lstsq(reduced[:, :3], hidden, rcond=None)[0]
    np.testing.assert_allclose(reduced[:, :3] @ known, hidden, atol=0.15)


def test_temperature_and_calibration_error():
    random = np.random.default_rng(0)
    logits = random.normal(size=(5000, 7))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([random.choice(7, p=row) for row in p])
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, rel=0.1)
    assert expected_calibration_error(p, labels) < 0.03
    assert expected_calibration_error(np.eye(7)[logits.argmax(1)], labels) > 0.4


def test_above_the_threshold_the_wanted_share_is_right():
    confidence = np.linspace(0.3, 1, 1000)
    labels = (np.random.default_rng(0).random(1000) > confidence).astype(int)
    p = np.stack([confidence, 1 - confidence], axis=1)
    threshold = threshold_for(p, labels, 0.9)
    above = p.max(1) >= threshold
    assert (p.argmax(1) == labels)[above].mean() >= 0.9


def test_intervals_draw_speakers():
    right = np.repeat([True, False], 500)
    narrow = measure("x", right, np.arange(1000).astype(str))
    wide = measure("x", right, np.repeat(["a", "b"], 500))
    assert narrow.value == wide.value == 50
    assert narrow.high - narrow.low < 8
    assert wide.high - wide.low == 100


def test_noises_are_sounds_and_stay_the_same():
    first, second = make_noises(12, seed=3), make_noises(12, seed=3)
    assert {kind for kind, _ in first} == set(MAKERS)
    for (_, one), (_, other) in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == np.float32
        assert 16_000 <= len(one) <= 80_000
        assert 0 < np.abs(one).max() <= 1
