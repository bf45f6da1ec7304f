"""Licences and cards of face networks name what had a part, and nothing else."""

import argparse
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import numpy as np  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402

from shared.contracts.manifests import Figure, Manifest, Tensor  # noqa: E402
from training.face import evaluate, export  # noqa: E402
from training.face.card import face_card, face_licence, licence_line, write_documents  # noqa: E402
from training.face.export import summary_of  # noqa: E402
from training.face.learned import ALL, LearnedFrom, learned_by, learned_in  # noqa: E402
from training.face.samples import CORPORA, load_corpus, points_file  # noqa: E402
from training.face.train import learned_from  # noqa: E402

MODELS = Path(__file__).parents[2] / "face_service" / "models"
FER = LearnedFrom(("fer2013",), base="CC0, my own pictures")


def graph():
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    node = helper.make_node("Identity", ["x"], ["y"])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    return helper.make_model(helper.make_graph([node], "g", [value], [result]))


def manifest() -> Manifest:
    outputs = [Tensor(name="logits", dtype="float32", shape=("n", 7), meaning="logits")]
    return Manifest(
        name="face-default-1",
        role="classification",
        profile="default",
        file="face.onnx",
        sha256="0" * 64,
        bytes=1,
        licence="see LICENCE",
        source="made",
        summary="Scores a face.",
        outputs=tuple(outputs),
        figures=(
            Figure(what="FER2013, accuracy, %", value=60.0, n=9),
            Figure(what="JAFFE, accuracy, %", value=50.0, n=9),
        ),
    )


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_licences_that_ship_are_of_what_was_learned_from():
    for profile, learned in (("default", ALL), ("paper", LearnedFrom(("fer2013",)))):
        folder = MODELS / profile / "classification"
        assert (folder / "LICENCE").read_text() == face_licence(learned)
        stated = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
        assert stated.licence == licence_line(learned)
        assert stated.summary == summary_of(profile, learned, plain=True)


def test_a_subset_names_no_other_corpus():
    licence, card = words(face_licence(FER)), words(face_card(manifest(), FER))
    for text in (licence, card, licence_line(FER)):
        assert "FER2013" in text
        assert not [name for name in ("RAF-DB", "KDEF", "VGGFace2", "faceres", "Vladmandic") if name in text]
    assert "CC0, my own pictures" in licence
    assert "CC0, my own pictures" in card
    assert "| JAFFE | tested on only |" in card
    # What only tests binds nobody.
    assert "JAFFE" not in licence


def test_the_base_binds_as_corpora_do():
    with_base = LearnedFrom(("fer2013",), faceres=True)
    assert "VGGFace2" in licence_line(with_base)
    assert "Vladimir Mandic" in face_licence(with_base)


def test_a_card_by_hand_is_left_and_its_own_is_written_anew(tmp_path, capsys):
    write_documents(tmp_path, manifest(), FER)
    assert "RAF-DB" not in words((tmp_path / "card.md").read_text())
    write_documents(tmp_path, manifest(), ALL)
    assert "RAF-DB" in words((tmp_path / "card.md").read_text())
    (tmp_path / "card.md").write_text("# Mine")
    write_documents(tmp_path, manifest(), ALL)
    assert (tmp_path / "card.md").read_text() == "# Mine"
    assert "revise it" in capsys.readouterr().out
    assert "KDEF" in (tmp_path / "LICENCE").read_text()


def test_runs_and_graphs_keep_what_they_learned_from(tmp_path):
    assert learned_by(tmp_path) == learned_in(graph()) == ALL
    FER.write(tmp_path)
    assert learned_by(tmp_path) == learned_by(tmp_path / "last.pt") == FER
    model = graph()
    ALL.put_into(model)
    FER.put_into(model)
    (tmp_path / "face.onnx").write_bytes(model.SerializeToString())
    assert learned_by(tmp_path / "face.onnx") == FER


def options(**given):
    usual = {"network": "plain", "corpora": ["fer2013"], "base_licence": "", "start": None, "taught": 0.0}
    return argparse.Namespace(**usual | given)


def test_earlier_weights_and_teachers_count(tmp_path):
    assert learned_from(options()) == LearnedFrom(("fer2013",))
    assert learned_from(options(corpora=None)).corpora == CORPORA
    assert learned_from(options(network="faceres")).faceres
    assert learned_from(options(network="faceres", base_licence="MIT")) == LearnedFrom(
        ("fer2013",), base="MIT"
    )
    taught = learned_from(options(taught=0.5))
    assert (taught.before, taught.faceres) == (("rafdb_train", "kdef"), True)
    LearnedFrom(("kdef",)).write(tmp_path)
    assert learned_from(options(start=tmp_path / "last.pt")) == LearnedFrom(("fer2013",), ("kdef",))
    assert "| KDEF | by way of" in face_card(manifest(), LearnedFrom(("fer2013",), ("kdef",)))


def test_only_corpora_that_are_there_are_tested_on(tmp_path, capsys):
    np.save(points_file(tmp_path, "fer2013"), np.zeros(1))
    assert evaluate.tests_in(tmp_path) == ["fer2013"]
    assert ", ".join(evaluate.TESTS[1:]) in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match="--packs kdef"):
        load_corpus("kdef", tmp_path)


def test_what_is_missing_is_told_before_anything_is_computed(tmp_path, monkeypatch, capsys):
    given = ["--profile", "default", "--run", "RUN", "--out", "OUT"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["program", *given, "--cache", str(tmp_path)])
    with pytest.raises(SystemExit):
        export.main()
    assert "no points of rafdb_train" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "OUT").exists()
