"""The figures of the manifests, measured again on the corpora that EMOTION_CORPORA points to."""

import os
from pathlib import Path

import numpy as np
import pytest

from face_service.classification import AppearanceReader
from shared.inference import OnnxSession, load_manifest
from training.face.appearance import figure, measured
from training.face.calibrate import calibrate
from training.face.evaluate import flipped_too, open_graph, run_graph
from training.face.landmarks import find_all
from training.face.samples import CORPORA, fer2013_corpus, points_file
from training.face.tests_on import Cropper, set_of

MODELS = Path(__file__).parents[2] / "face_service" / "models"


@pytest.mark.accuracy
@pytest.mark.timeout(3600)
@pytest.mark.skipif("EMOTION_CORPORA" not in os.environ, reason="needs the corpora")
@pytest.mark.parametrize("profile", ["default", "paper"])
def test_fer2013_is_as_the_manifest_says(profile):
    folder = MODELS / profile / "classification"
    manifest = load_manifest(folder)
    session = open_graph(folder / manifest.file)
    points = find_all("fer2013", only="PrivateTest")
    test = set_of(Cropper(profile), fer2013_corpus(points), "test")
    logits = flipped_too(session, test.crops, run_graph(session, test.crops))
    figures = {figure.what: figure.value for figure in manifest.figures}
    for title, label in test.questions.items():
        right = (logits.argmax(1) == label)[label >= 0]
        stated = figures[f"{title}, with mirror image, accuracy, %"]
        assert 100 * np.mean(right) == pytest.approx(stated, abs=0.5)


@pytest.mark.accuracy
@pytest.mark.timeout(3600)
@pytest.mark.skipif("EMOTION_CORPORA" not in os.environ, reason="needs the corpora")
def test_how_sure_it_is_was_set_on_the_parts_to_choose_on(tmp_path):
    folder = MODELS / "default" / "classification"
    manifest = load_manifest(folder)
    for name in CORPORA:
        np.save(points_file(tmp_path, name), find_all(name, only="PublicTest" if name == "fer2013" else None))
    found = calibrate(folder / manifest.file, "default", tmp_path, CORPORA)
    assert found.temperature == pytest.approx(manifest.temperature, abs=0.005)
    assert found.threshold == pytest.approx(manifest.uncertain_below, abs=0.011)


@pytest.mark.accuracy
@pytest.mark.timeout(3600)
@pytest.mark.skipif("EMOTION_CORPORA" not in os.environ, reason="needs the corpora")
def test_people_are_told_apart_as_the_manifest_says(tmp_path):
    reader = AppearanceReader(OnnxSession(MODELS / "default" / "appearance", threads=1))
    for name in ("jaffe", "ckplus48"):
        np.save(points_file(tmp_path, name), find_all(name))
    stated = {one.what: one for one in reader.manifest.figures}
    found = [figure(told) for told in measured(tmp_path, reader, 0.452)]
    assert len(found) == 2
    for one in found:
        assert (one.value, one.n) == (pytest.approx(stated[one.what].value, abs=0.2), stated[one.what].n)
