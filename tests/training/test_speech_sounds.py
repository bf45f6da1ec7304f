"""Copies of a sound as other devices have it; speech that nobody labelled."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")

from shared.inference import OnnxSession
from speech_service.settings import SpeechSettings
from tests.speech_service.voices import voice
from training.corpora.speech import RATE
from training.speech.features import opus, path_of, read_sounds
from training.third_party.free_speech import PACKAGES, as_flac, fetch, has_speech, recordings


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32)


def test_coding_keeps_the_length():
    sound = voice(1.5)
    coded = opus(sound, 12)
    assert len(coded) == len(sound)
    assert 0.5 < np.corrcoef(sound, coded)[0, 1] < 0.9999


def test_free_recordings_are_read_by_name_without_music(tmp_path):
    for name, seconds, rate in (
        ("b/hello.wav", 1.0, 8000),
        ("a.ogg", 12.0, 16000),
        ("music/c.wav", 1.0, 8000),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.zeros((int(seconds * rate), 2)), rate)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    (tmp_path / "readme.txt").write_text("no sound")
    found = {name: len(sound) for name, sound in recordings(tmp_path)}
    assert found == {"a.ogg": 10 * RATE, "b/hello.wav": RATE}


def test_speech_is_kept_and_noise_is_not(noise):
    activity = OnnxSession(SpeechSettings().speech_models / "default" / "activity", threads=1)
    assert has_speech(voice(2.0), activity)
    assert not has_speech(noise, activity)
    assert not has_speech(voice(2.0)[:100], activity)


def test_packages_are_checked(tmp_path):
    package = next(iter(PACKAGES))
    name, version = package.split("=")
    (tmp_path / f"{name}_{version}_all.deb").write_bytes(b"another")
    with pytest.raises(ValueError, match="SHA-256"):
        fetch(package, PACKAGES[package][0], tmp_path)


def test_packs_are_read_back(tmp_path):
    sounds = [voice(0.5), voice(0.8)]
    encoded = [as_flac(sound) for sound in sounds]
    texts = np.full(2, "")
    np.savez(
        tmp_path / "free.npz",
        data=np.frombuffer(b"".join(encoded), np.uint8),
        offsets=np.cumsum([0, *map(len, encoded)]),
        seconds=np.array([0.5, 0.8]),
        **dict.fromkeys(("name", "speaker", "label", "sex", "text"), texts),
    )
    arguments = Namespace(free=tmp_path / "free.npz", corpora=Path("corpora"))
    for found, sound in zip(read_sounds(path_of(arguments, "free")), sounds, strict=True):
        np.testing.assert_allclose(found, sound, atol=1 / 32768)
    assert path_of(arguments, "savee") == Path("corpora/speech/savee.npz")
    assert path_of(arguments, "baved") == Path("corpora/extra/baved.npz")
    assert path_of(arguments, "noises") is None
    assert len(list(read_sounds(None))) == 360
