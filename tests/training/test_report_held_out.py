"""Cross-validated answers take each person's scores from the fit that never saw them."""

import numpy as np
import pytest

pytest.importorskip("torch")

from training.fusion.ravdess_films import MeasuredFaces
from training.report import held_out_answers
from training.report.ravdess_answers import SPOKEN, read_alone
from training.speech.evaluate import out_of_fold
from training.speech.table import FOLDS, Table


@pytest.fixture
def table():
    """Two corpora of six people, one clip each; and two clips of a corpus that is for testing only."""
    n = 2 * FOLDS + 2
    return Table(
        corpus=np.asarray(["one"] * FOLDS + ["two"] * FOLDS + ["urdu"] * 2),
        name=np.arange(n).astype(str),
        speaker=np.arange(n).astype(str),
        label=np.full(n, "happy"),
        sex=np.full(n, "F"),
        text=np.full(n, ""),
        seconds=np.ones(n, dtype=np.float32),
        emotion=np.ones(n, dtype=np.int64),
        heard=np.zeros((n, 7), dtype=np.float32),
        fold=np.asarray([*range(FOLDS), *range(FOLDS), 0, 0]),
        calibration=np.zeros(n, dtype=np.bool_),
    )


def test_each_clip_is_scored_by_the_fit_of_its_fold(table, tmp_path, monkeypatch):
    for k in range(FOLDS):
        logits = np.zeros((len(table), 7))
        logits[table.fold == k, 1] = 4.0  # right where the fit did not learn,
        logits[table.fold != k, 0] = 4.0  # wrong where it did.
        np.savez(tmp_path / f"fold{k}.npz", logits=logits)
    monkeypatch.setattr(held_out_answers, "read_table", lambda _: table)
    every = list(held_out_answers.spoken_answers(tmp_path, 1.2, tmp_path))
    assert [answers.title for answers in every] == ["one", "two"]
    for answers in every:
        assert answers.right.all()
        folds = [(fold, len(people), share.value) for fold, people, share in answers.accuracy_by_fold()]
        assert folds == [(str(k), 1, 1.0) for k in range(FOLDS)]
        assert np.allclose(answers.scores.sum(axis=1), 1)


def test_a_fit_may_keep_only_what_it_did_not_learn_from(table, tmp_path):
    for k in range(FOLDS):
        rows = np.flatnonzero(table.fold == k)
        np.savez(tmp_path / f"fold{k}.npz", rows=rows, logits=np.full((len(rows), 7), float(k)))
    found = out_of_fold(tmp_path, table)
    assert found[:, 0].tolist() == table.fold.tolist()


def test_voices_are_put_in_the_order_of_the_films_and_their_emotions(tmp_path):
    """Sounds come in another order, with their emotions in the order of the alphabet."""
    clips = [f"01-01-0{emotion}-01-01-01-01" for emotion in range(1, 9)]
    faces = MeasuredFaces(clips, np.ones(8, np.int64), np.arange(8), np.zeros(8, np.int64), {})
    alphabet = sorted(SPOKEN)
    sounds = [f"03{clip[2:]}.wav" for clip in reversed(clips)]
    logits = np.stack([9.0 * np.eye(8)[alphabet.index(SPOKEN[7 - row])] for row in range(8)])
    np.savez(tmp_path / "alone.npz", name=sounds, label=alphabet, logits=logits)
    scores = read_alone(tmp_path / "alone.npz", faces)
    assert scores.argmax(axis=1).tolist() == faces.emotion.tolist()
    assert np.allclose(np.exp(scores).sum(axis=1), 1)
