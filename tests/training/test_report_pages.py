"""The report's arithmetic and its pages, on answers whose figures are known by hand."""

import dataclasses
import re

import numpy as np
import pytest

from shared.inference import load_manifest
from training.report.accuracy import ROOT
from training.report.answers import Answers
from training.report.pages import page, trial_page
from training.report.pictures import draw_all, draw_confusion, draw_reliability


@pytest.fixture
def answers():
    """Six clips of two people: one has 3 of 3 right, the other 1 of 3, with one refusal."""
    label = np.array([0, 1, 2, 0, 1, 2])
    named = [0, 1, 2, 0, 2, None]
    scores = np.full((6, 7), 0.02)
    for row, emotion in enumerate(named):
        scores[row] = np.nan if emotion is None else 0.02
        if emotion is not None:
            scores[row, emotion] = 0.88
    return Answers("made", scores, label, np.array(["a"] * 3 + ["b"] * 3), np.array(["F"] * 3 + ["M"] * 3))


def test_a_refusal_counts_as_wrong(answers):
    assert answers.predicted.tolist() == [0, 1, 2, 0, 2, -1]
    assert answers.accuracy().value == pytest.approx(4 / 6)


def test_intervals_draw_whole_people(answers):
    share = answers.accuracy()
    assert (share.low, share.high) == (pytest.approx(1 / 3), pytest.approx(1.0))


def test_where_all_are_right_the_interval_is_not_nothing(answers):
    share = dataclasses.replace(answers, scores=np.eye(7)[answers.label]).accuracy()
    assert share.value == 1
    assert share.low < 0.7


def test_sexes_stand_apart(answers):
    found = {sex: (share.value, share.n) for sex, share in answers.accuracy_by_sex()}
    assert found == {"F": (1.0, 3), "M": (pytest.approx(1 / 3), 3)}


def test_a_page_shows_them(answers):
    manifest = load_manifest(ROOT / "face_service/models/default/classification")
    text = page(manifest, [answers], ["confusion.svg"])
    assert re.search(r"\| made \| 6 \| 2 \| 66\.7 \(33\.3 to 100\.0\) \|", text)
    assert re.search(r"\| made \| M \| 3 \| 33\.3 ", text)
    assert "- made: a, b" in text
    assert manifest.sha256 in text
    assert "](confusion.svg)" in text


def test_a_page_of_what_does_not_ship_has_names_of_its_own(answers, tmp_path):
    eight = dataclasses.replace(
        answers,
        scores=np.hstack([answers.scores[:, :1] * 0, answers.scores]),
        label=answers.label + 1,
        names=("calm", "n", "h", "s", "a", "f", "d", "u"),
    )
    text = trial_page("Films", [eight], [], how="Tried.")
    assert text.startswith("# Films\n\nTried. Intervals hold")
    assert "| test | calm | n | h | s | a | f | d | u |" in text
    assert "| made |  | 100 (2) | 50 (2) | 50 (2) |  |  |  |  |" in text
    draw_all([eight], draw_confusion, tmp_path / "eight.svg")
    assert ">calm 0<" in (tmp_path / "eight.svg").read_text()


def test_folds_stand_apart_with_their_people(answers):
    manifest = load_manifest(ROOT / "face_service/models/default/classification")
    assert "By fold" not in page(manifest, [answers], [])
    folded = dataclasses.replace(answers, fold=answers.person)
    text = page(manifest, [folded], [], how="Held out.")
    assert "| made | a | a | 3 | 100.0 " in text
    assert "| made | b | b | 3 | 33.3 " in text
    assert "Held out. Intervals hold" in text


@pytest.mark.parametrize("draw", [draw_confusion, draw_reliability])
def test_pictures_are_the_same_on_every_call(answers, draw, tmp_path):
    paths = [tmp_path / "first.svg", tmp_path / "second.svg"]
    for path in paths:
        draw_all([answers] * 5, draw, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_text().count("made, n=6") == 5
