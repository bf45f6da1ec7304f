"""What was learned in one way is not taken for what was to be learned in another."""

import argparse

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.corpora.speech import UNASKED, Clip, add_only  # noqa: E402
from training.speech import evaluate_research  # noqa: E402
from training.speech.ensemble import Recipe  # noqa: E402
from training.speech.kept import is_kept, way_of  # noqa: E402
from training.speech.table import table_of  # noqa: E402


def test_rows_are_the_same_in_whatever_order_corpora_are_named():
    parser = argparse.ArgumentParser()
    add_only(parser)
    assert parser.parse_args(["--only", "emodb", "ravdess", "emodb"]).only == ["ravdess", "emodb"]
    assert parser.parse_args([]).only[0] == "ravdess"


def test_only_what_was_learned_in_the_same_way_is_kept(tmp_path):
    path, way = tmp_path / "ship.npz", way_of(only=["emodb"], seeds=5)
    assert not is_kept(path, way)
    np.savez(path, way=way)
    assert is_kept(path, way_of(seeds=5, only=["emodb"]))
    with pytest.raises(ValueError, match=r"ship\.npz"):
        is_kept(path, way_of(only=["emodb"], seeds=1))


def test_a_file_that_does_not_say_how_is_believed(tmp_path):
    np.savez(tmp_path / "old.npz", logits=np.zeros((1, 7)))
    assert is_kept(tmp_path / "old.npz", way_of(only=["emodb"]))


class Named:
    """What learned from some corpora; its logits tell how many."""

    def __init__(self, corpora: set[str]) -> None:
        self.corpora = corpora

    def logits(self, copy: np.ndarray) -> np.ndarray:
        return np.full((len(copy), 7), len(self.corpora), np.float32)


def test_a_corpus_is_not_left_out_of_others_than_were_asked_for(tmp_path, monkeypatch):
    def read(_, only):
        clips = [
            Clip(name, f"{n}", f"s{n}", "happy", "f", "", 1.0, b"", UNASKED)
            for name in only
            for n in range(2)
        ]
        return table_of(clips)

    class Copies:
        def copy(self, _):
            return np.zeros((len(table), 1))

    def learn(table, _, rows, *__):
        return Named(set(table.corpus[rows].tolist()))

    monkeypatch.setattr(evaluate_research, "read_table", read)
    monkeypatch.setattr(evaluate_research, "read_material", lambda *_, **__: Copies())
    monkeypatch.setattr(evaluate_research, "learn", learn)
    given = {"keep": tmp_path / "left_out.npz", "free": False}
    table = read(None, ["savee", "tess"])
    evaluate_research.measure_left_out(
        tmp_path, tmp_path, ["plain"], Recipe(), only=["savee", "tess"], **given
    )
    table = read(None, ["savee", "tess", "emodb"])
    with pytest.raises(ValueError, match="savee"):
        evaluate_research.measure_left_out(
            tmp_path, tmp_path, ["plain"], Recipe(), only=["savee", "tess", "emodb"], **given
        )
