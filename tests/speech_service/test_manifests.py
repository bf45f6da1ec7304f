"""A manifest that lacks what serving needs is found while networks load, not by the first request."""

import json
import shutil

import pytest

from shared.contracts.fusion import Profile
from shared.inference import OnnxSession
from speech_service.classification import MfccClassifier, SoundClassifier
from tests.speech_service.conftest import MODELS

NEEDED = [
    *((SoundClassifier, Profile.DEFAULT, name) for name in ("shortest_seconds", "speech_from")),
    *((MfccClassifier, Profile.PAPER, name) for name in ("shortest_seconds", "speech_from", "hop")),
]


@pytest.mark.parametrize(("classifier", "profile", "name"), NEEDED)
def test_a_manifest_that_lacks_what_serving_needs_is_refused_at_loading(tmp_path, classifier, profile, name):
    folder = shutil.copytree(MODELS / profile / "classification", tmp_path / "classification")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    del manifest["preprocessing"][name]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    session = OnnxSession(folder, threads=1)
    with pytest.raises(KeyError, match=name):
        classifier(session)
