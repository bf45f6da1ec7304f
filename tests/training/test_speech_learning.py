"""Splits keep people apart; solvers and measures do what they say."""

import dataclasses
import io

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch")

from sklearn.linear_model import LogisticRegression  # noqa: E402

from training.corpora.speech import FOLDERS, RATE, RAVDESS_FOLDS, TEST_ONLY, UNASKED, Clip, votes_of  # noqa: E402
from training.measures import calibration_error, fit_temperature  # noqa: E402
from training.speech.ensemble import Recipe, Voices, mix_pairs, train  # noqa: E402
from training.speech.evaluate import (  # noqa: E402
    Sureness,
    alike,
    left_out_figures,
    listeners_figure,
    measure,
    same_words,
    set_sureness,
    threshold_for,
)
from training.speech.evaluate_paper import of_left_out  # noqa: E402
from training.speech.familiarity import SEEN  # noqa: E402
from training.speech.head import balanced_weights, solve  # noqa: E402
from training.speech.network import MAPS  # noqa: E402
from training.speech.noises import MAKERS, make_noises  # noqa: E402
from training.speech.reduction import Moments  # noqa: E402
from training.speech.table import FOLDS, table_of  # noqa: E402
from training.speech.train import (  # noqa: E402
    READERS,
    SHIP,
    WITHOUT,
    Material,
    find_directions,
    fit_names,
    learn,
    left_out_names,
    targets_of,
    training_rows,
    without_speaker_mean,
)

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


def test_no_fit_sees_a_tested_or_calibrating_speaker(table):
    for fit in fit_names():
        rows = training_rows(table, fit)
        assert rows.any()
        assert not np.isin(table.corpus[rows], TEST_ONLY).any()
        kept = table.calibration if fit == SHIP else table.fold == int(fit.removeprefix("fold"))
        assert not people(table, rows) & people(table, kept)
    assert table.calibration.any()


def test_a_fit_that_leaves_a_corpus_out_sees_all_others(table):
    for fit in left_out_names(table):
        seen = np.unique(table.corpus[training_rows(table, fit)])
        assert {f"{WITHOUT}{name}" for name in seen} == set(left_out_names(table)) - {fit}


def test_a_corpus_is_measured_by_the_fit_that_left_it_out(table, tmp_path):
    for fit in left_out_names(table)[1:]:
        rows = np.flatnonzero(~training_rows(table, fit))
        own = table.corpus[rows] == fit.removeprefix(WITHOUT)
        # Right on its own corpus, wrong on what else it did not see.
        named = np.where(own, table.emotion[rows], table.emotion[rows] + 1) % 7
        np.savez(tmp_path / f"{fit}.npz", rows=rows, logits=np.eye(7, dtype=np.float32)[named])
    *each, mean = left_out_figures(table, of_left_out(tmp_path, table))
    assert len(each) == len(left_out_names(table)) - 1
    assert {figure.value for figure in (*each, mean)} == {100.0}
    assert mean.n == sum(figure.n for figure in each)


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
        x[:400],
        np.eye(7, dtype=np.float32)[labels[:400]],
        weights,
        recipe=Recipe(seeds=2, hidden=32, epochs=30, batch=50),
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
        found = train(x, np.eye(2, dtype=np.float32)[labels], weights, recipe=recipe, voices=given)
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


def test_speech_without_labels_weighs_as_much_as_what_is_learned_from():
    random = np.random.default_rng(5)
    labelled, free = (
        Moments.of(random.normal(size=(n, 5 * 8)).astype(np.float16) + shift)
        for n, shift in ((30, 0), (90, 2))
    )
    both, alone = find_directions(labelled, free, 4), find_directions(labelled, None, 4)
    np.testing.assert_allclose(np.mean(alone.means), 0, atol=0.2)
    np.testing.assert_allclose(np.mean(both.means), 1, atol=0.2)


def test_encoders_learn_side_by_side_and_are_summed(table, monkeypatch):
    """Labels stand in the first statistics of one encoder; the other gives noise."""
    readers = {name: dataclasses.replace(reader, strongest=SEEN) for name, reader in READERS.items()}
    monkeypatch.setattr("training.speech.train.READERS", readers)
    rows = training_rows(table, SHIP)
    random = np.random.default_rng(0)
    features = {}
    for name, told in (("base", 4.0), ("speaker", 0.0)):
        values = random.normal(size=(len(table), MAPS, 4 * 16))
        values[:, :, :7] += told * np.eye(7)[np.maximum(table.emotion, 0)][:, None]
        features[name] = {"plain": values.reshape(len(table), -1).astype(np.float16)}
    material = Material(features, {})
    recipe = Recipe(seeds=1, hidden=16, epochs=30, batch=64, hidden_away=0.0)
    learned = learn(table, material, rows, table.emotion, recipe)
    plain = material.copy("plain")
    x = {name: learned.reductions[name].apply(values) for name, values in plain.items()}
    each = {name: learned.ensembles[name].logits(x[name]) for name in x}
    summed = 0.6 * each["base"] + 0.4 * each["speaker"]
    np.testing.assert_allclose(
        learned.logits(plain), learned.familiarity.softened(summed, x["base"]), rtol=1e-4, atol=1e-5
    )
    unseen = ~rows & (table.emotion >= 0)
    right = {
        name: (logits[unseen].argmax(1) == table.emotion[unseen]).mean() for name, logits in each.items()
    }
    assert right["base"] > 0.9
    assert right["speaker"] < 0.5
    assert {name for name in learned.tables() if name.startswith("speaker")} == {
        f"speaker_{part}" for part in ("means", "bases", "first", "first_bias", "second", "second_bias")
    }


def test_temperature_and_calibration_error():
    random = np.random.default_rng(0)
    logits = random.normal(size=(5000, 7))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([random.choice(7, p=row) for row in p])
    assert fit_temperature(3 * logits, labels, np.ones(5000)) == pytest.approx(3, rel=0.1)
    assert calibration_error(p, labels) < 0.03
    assert calibration_error(np.eye(7)[logits.argmax(1)], labels) > 0.4


def test_above_the_threshold_the_wanted_share_is_right():
    confidence = np.linspace(0.3, 1, 1000)
    labels = (np.random.default_rng(0).random(1000) > confidence).astype(int)
    p = np.stack([confidence, 1 - confidence], axis=1)
    even = np.ones(1000)
    above = p.max(1) >= threshold_for(p, labels, even)
    assert (p.argmax(1) == labels)[above].mean() >= 0.9
    # Clips that weigh nothing say nothing: what is left here is always right.
    assert threshold_for(p, labels, np.where(p.argmax(1) == labels, 1.0, 0.0)) == pytest.approx(0.2)


def test_where_nothing_is_certain_nothing_is_said_of_it(table):
    known = table.emotion >= 0
    error, above = Sureness(1.0, 0.9).figures("x", table, np.zeros((len(table), 7)), known)
    assert (above.value, above.n) == (0.0, error.n)


def test_intervals_draw_speakers():
    right = np.repeat([True, False], 500)
    narrow = measure("x", right, np.arange(1000).astype(str))
    wide = measure("x", right, np.repeat(["a", "b"], 500))
    assert narrow.value == wide.value == 50
    assert narrow.high - narrow.low < 8
    assert wide.high - wide.low == 100


@pytest.mark.parametrize(
    ("right", "speakers"),
    [([True, False] * 50, ["a"] * 100), ([True] * 100, ["a", "b"] * 50)],
    ids=["one speaker", "all right"],
)
def test_intervals_have_a_width_where_nothing_can_be_drawn(right, speakers):
    found = measure("x", np.array(right), np.array(speakers))
    assert found.low < found.high
    assert found.low <= found.value <= found.high


def test_noises_are_sounds_and_stay_the_same():
    first, second = make_noises(12, seed=3), make_noises(12, seed=3)
    assert {kind for kind, _ in first} == set(MAKERS)
    for (_, one), (_, other) in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == np.float32
        assert 16_000 <= len(one) <= 80_000
        assert 0 < np.abs(one).max() <= 1


def test_listeners_votes_become_shares_in_our_order():
    pack = {
        "vote_names": np.array(["angry", "disgust", "fearful", "happy", "neutral", "sad"]),
        "voice_votes": np.array([[1, 0, 0, 0, 2, 1], [0, 0, 0, 0, 0, 0]], np.int16),
    }
    first, second = votes_of(pack, 2)
    # neutral, happiness, sadness, anger, fear, disgust, surprise
    assert first == (0.5, 0, 0.25, 0.25, 0, 0, 0)
    assert second == UNASKED
    assert votes_of({}, 1) == [UNASKED]


def test_half_of_a_target_is_what_listeners_heard():
    heard = np.zeros((2, 7), np.float32)
    heard[0, [0, 2]] = 0.75, 0.25
    targets = targets_of(np.array([2, 3]), heard, 0.5)
    np.testing.assert_allclose(targets[0], [0.375, 0, 0.625, 0, 0, 0, 0])
    np.testing.assert_allclose(targets[1], np.eye(7)[3])
    eight = targets_of(np.array([7, 0]), np.zeros((2, 7), np.float32), 0.5)
    np.testing.assert_allclose(eight, np.eye(8)[[7, 0]])


def test_of_emodb_two_seconds_are_heard():
    encoded = io.BytesIO()
    soundfile.write(encoded, np.zeros(3 * RATE, np.float32), RATE, format="WAV")
    lengths = {
        corpus: len(Clip(corpus, "a", "1", "sad", "f", "", 3.0, encoded.getvalue()).sound())
        for corpus in ("emodb", "savee")
    }
    assert lengths == {"emodb": 2 * RATE, "savee": 3 * RATE}


def test_a_speakers_own_mean_is_taken_off():
    x = np.array([[1.0], [3.0], [10.0]], np.float32)
    assert without_speaker_mean(x, np.array(["a", "a", "b"])).tolist() == [[-1], [1], [0]]


def test_corpora_weigh_the_same():
    corpus = np.array(["a"] * 30 + ["b"] * 10)
    weights = alike(corpus)
    assert weights.mean() == pytest.approx(1)
    assert weights[:30].sum() == pytest.approx(weights[30:].sum())


def test_words_that_every_emotion_has(table):
    clips = [
        Clip("ased", "0", "1", "sad", "f", "s4-01", 1.0, b""),
        Clip("ased", "1", "1", "sad", "f", "s4-03", 1.0, b""),
        Clip("korean", "2", "1", "sad", "f", "plain02", 1.0, b""),
        Clip("korean", "3", "1", "sad", "f", "emotional02", 1.0, b""),
        Clip("savee", "4", "1", "sad", "f", "s-01", 1.0, b""),
    ]
    assert same_words(table_of(clips)).tolist() == [True, False, True, False, False]
    assert not same_words(table).any()


def test_who_heard_what_is_asked_where_listeners_agreed():
    even, clear = (0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0), (0.25, 0.75, 0.0, 0.0, 0.0, 0.0, 0.0)
    clips = [
        Clip("cremad", str(i), str(i), "sad", "f", "", 1.0, b"", heard)
        for i, heard in enumerate((even, clear, clear, UNASKED))
    ]
    logits = np.eye(7)[[0, 1, 2, 2]]
    found = listeners_figure(table_of(clips), logits)
    assert (found.value, found.n) == (50, 2)


def test_sureness_is_set_on_corpora_never_heard_too(table):
    known = table.emotion >= 0
    right = np.eye(7)[np.maximum(table.emotion, 0)] * 4.0
    wrong = np.eye(7)[(np.maximum(table.emotion, 0) + 1) % 7] * 4.0
    nowhere = np.full((len(table), 7), np.nan)
    alone, few, home = set_sureness(table, right, nowhere)
    both, more, parts = set_sureness(table, right, np.where(known[:, None], wrong, np.nan))
    assert few == (table.calibration & known).sum()
    assert more == few + known.sum()
    assert both.temperature > 2 * alone.temperature
    assert (home, parts) == (["home"], ["home", "elsewhere"])
    nobody = dataclasses.replace(table, calibration=np.zeros(len(table), dtype=np.bool_))
    with pytest.raises(ValueError, match=r"--only, or give --left-out"):
        set_sureness(nobody, right, nowhere)


def test_how_sure_is_told_with_how_much_is_right(table):
    known = table.emotion >= 0
    logits = np.eye(7)[np.maximum(table.emotion, 0)] * np.where(np.arange(len(table)) % 2, 8.0, 0.5)[:, None]
    error, above, right = Sureness(1.0, 0.9).figures("x", table, logits, known)
    assert right.value == 100
    assert above.value == pytest.approx(50, abs=5)
    assert error.value > 10
    assert error.low is None
