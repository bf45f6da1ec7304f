"""Cards and licences of voice networks name what was learned from, and nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.corpora.speech import FOLDERS, NONVERBAL  # noqa: E402
from training.corpora.terms import FACES, SPEECH, UNFELT, named, short  # noqa: E402
from training.export.speech_cards import (  # noqa: E402
    Learned,
    default_card,
    licence_line,
    paper_card,
    speech_licence,
)
from training.export.speech_publish import learned_by_default, learned_by_paper  # noqa: E402
from training.speech.gate import UNFELT as GATE  # noqa: E402
from training.speech.kept import check_corpora, way_of  # noqa: E402

SUMMARY = {
    "seeds": 5,
    "temperature": 1.1,
    "calibration_clips": 30,
    "calibration_error": 0.05,
    "certain_share": 0.4,
    "certain_right": 0.9,
    "uncertain_below": 0.7,
    "speech_from": 0.7,
    "calibrated_on": ["home"],
    "figures": [],
    "tried": "",
}
FREE = Learned.of(["emodb", "javased", "cremad", "cremad_more"], unfelt=(), free=False)
MODELS = Path(__file__).parents[2] / "speech_service" / "models"
EVERYTHING = Learned.of(list(FOLDERS), unfelt=GATE, free=True)


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("card", [default_card, paper_card])
def test_a_card_of_a_subset_names_no_other_corpus(card):
    text = words(card(SUMMARY, FREE))
    others = {short(one) for one in {**SPEECH, **UNFELT}.values()} - {"EmoDB", "Java-SED", "CREMA-D"}
    assert len(others) == 14
    # "Korean" is a language, too.
    assert not [name for name in others if name in text]
    assert text.count("| CREMA-D (a part) |") == 1
    assert "free speech" not in text
    assert "non-commercial" not in text
    assert "Surprise was learned from Java-SED only." in text


@pytest.mark.parametrize("card", [default_card, paper_card])
def test_a_card_of_everything_names_all(card):
    text = words(card(SUMMARY, EVERYTHING))
    assert all(f"| {one.title}" in text for one in {**SPEECH, **UNFELT}.values())
    assert "| URDU (test only) |" in text
    assert "as for research and non-commercial use" in text
    assert "TESS, TurEV-DB, Deeply nonverbal and Deeply read speech: without the right" in text


@pytest.mark.parametrize(
    ("profile", "learned"),
    [("default", EVERYTHING), ("paper", Learned.of(list(FOLDERS), unfelt=[NONVERBAL], free=False))],
)
def test_what_ships_says_what_it_was_learned_from(profile, learned):
    folder = MODELS / profile / "classification"
    write = {"default": default_card, "paper": paper_card}[profile]
    data = write(SUMMARY, learned).partition("## Data")[2].partition("## Figures")[0]
    assert data in (folder / "card.md").read_text()
    assert (folder / "LICENCE").read_text().startswith(speech_licence(learned))
    assert licence_line(learned) in json.loads((folder / "manifest.json").read_text())["licence"]


def test_what_only_tests_binds_nobody():
    learned = Learned.of(["emodb", "urdu"], unfelt=(), unfelt_tested=[NONVERBAL], free=False)
    text = words(default_card(SUMMARY, learned))
    assert "| URDU (test only) |" in text
    assert "| Deeply nonverbal (test only) |" in text
    assert "non-commercial" not in speech_licence(learned)
    assert "URDU" not in speech_licence(learned)


def test_licences_follow_what_was_learned():
    assert "non-commercial" not in speech_licence(FREE)
    assert licence_line(FREE) == "as EmoDB, Java-SED and CREMA-D ask, see card"
    # One corpus whose makers ask for it is enough.
    one = Learned.of(["emodb", "savee"], unfelt=(), free=False)
    assert "SAVEE: for research or non-commercial use only." in words(speech_licence(one))
    gate = Learned.of(["emodb"], unfelt=[NONVERBAL], free=False)
    assert licence_line(one) == licence_line(gate) == "research and non-commercial use, see card"


def test_fits_say_what_they_learned_from(tmp_path):
    np.savez(tmp_path / "ship.npz", way=way_of(only=["emodb", "urdu"], free=False))
    np.savez(tmp_path / "gate.npz", way=way_of(only=["emodb"], unfelt=[], unfelt_tested=[NONVERBAL]))
    assert learned_by_default(tmp_path) == Learned(("emodb",), ("urdu",), (), (NONVERBAL,), free=False)
    np.savez(tmp_path / "ship.npz", way=way_of(only=["emodb"], unfelt=[]))
    assert learned_by_paper(tmp_path) == Learned(("emodb",))


def test_fits_that_do_not_say_it_learned_from_everything(tmp_path):
    for name in ("ship", "gate"):
        np.savez(tmp_path / f"{name}.npz", logits=np.zeros((1, 7)))
    assert learned_by_default(tmp_path) == EVERYTHING
    assert learned_by_paper(tmp_path).unfelt == (NONVERBAL,)


def test_fits_are_not_measured_on_other_corpora(tmp_path):
    np.savez(tmp_path / "ship.npz", way=way_of(only=["emodb", "savee"]))
    check_corpora(tmp_path / "ship.npz", ["emodb", "savee"])
    with pytest.raises(ValueError, match="--only emodb savee"):
        check_corpora(tmp_path / "ship.npz", ["emodb"])


def test_every_pack_has_terms():
    assert {name.removesuffix("_more") for name in FOLDERS} == set(SPEECH)
    assert set(GATE) == set(UNFELT)
    assert json.dumps(named(FACES.values())).startswith('"RAF-DB, FER2013')
