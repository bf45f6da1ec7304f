"""The figures of the manifests, measured again on the corpora that EMOTION_CORPORA points to."""

import os
from pathlib import Path

import pytest

from shared.inference import OnnxSession
from speech_service.settings import SpeechSettings


@pytest.mark.accuracy
@pytest.mark.timeout(3600)
@pytest.mark.skipif("EMOTION_CORPORA" not in os.environ, reason="needs the corpora")
@pytest.mark.parametrize("profile", ["default", "paper"])
def test_what_is_served_is_as_good_as_the_manifest_says(profile):
    pytest.importorskip("torch")
    from training.speech.evaluate_served import measure_served, open_classifier  # noqa: PLC0415

    models = SpeechSettings().speech_models
    classifier = open_classifier(models / profile / "classification")
    stated = {figure.what: figure.value for figure in classifier.manifest.figures}
    figures, _ = measure_served(
        Path(os.environ["EMOTION_CORPORA"]),
        OnnxSession(models / "default" / "activity", threads=1),
        classifier,
    )
    for figure in figures:
        assert figure.value == pytest.approx(stated[figure.what], abs=0.5), figure.what
        if figure.what.endswith("speech found"):
            assert figure.value >= 98
