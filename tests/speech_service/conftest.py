"""The real app with its real networks, without sockets."""

import asyncio
import io
import time
from contextlib import asynccontextmanager

import httpx
import numpy as np
import pytest
import soundfile

from shared.contracts.fusion import Profile
from shared.inference import OnnxSession
from speech_service.app import create_app
from speech_service.classification import MfccClassifier, SoundClassifier
from speech_service.settings import SpeechSettings
from tests.speech_service.voices import voice

MODELS = SpeechSettings().speech_models


@asynccontextmanager
async def running(**settings):
    """A client of the app, once its networks are loaded."""
    app = create_app(SpeechSettings(threads=1, **settings))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://speech",
            timeout=60,
        ) as client,
    ):
        end = time.monotonic() + 30
        while (await client.get("/health/ready")).status_code != 200:
            assert time.monotonic() < end, "the networks did not load"
            await asyncio.sleep(0.02)
        yield client


@pytest.fixture(scope="session")
def activity():
    return OnnxSession(MODELS / Profile.DEFAULT / "activity", threads=1)


@pytest.fixture(scope="session")
def classifiers():
    return {
        Profile.DEFAULT: SoundClassifier(OnnxSession(MODELS / Profile.DEFAULT / "classification", threads=1)),
        Profile.PAPER: MfccClassifier(OnnxSession(MODELS / Profile.PAPER / "classification", threads=1)),
    }


@pytest.fixture(scope="session")
def babble():
    """Two and a half seconds of a made voice."""
    return voice(2.5, seed=3)


@pytest.fixture(scope="session")
def wave_file():
    """Makes a file of a sound: WAV or FLAC, with any rate and number of channels."""

    def make(sound, subtype="PCM_16", *, rate=16_000, container="WAV"):
        target = io.BytesIO()
        soundfile.write(target, sound, rate, format=container, subtype=subtype)
        return target.getvalue()

    return make


@pytest.fixture(scope="session")
def noises():
    """Sounds without speech."""
    random = np.random.default_rng(5)
    t = np.arange(3 * 16_000) / 16_000
    melody = sum(
        np.sin(2 * np.pi * n * 220 * 2 ** (np.floor(t * 2) % 7 / 12) * t) / n * np.exp(-4 * (t % 0.5))
        for n in range(1, 7)
    )
    beat = random.standard_normal(len(t)) * np.exp(-30 * (t % 0.5))
    sounds = {
        "silence": np.zeros(len(t)),
        "hiss": 0.1 * random.standard_normal(len(t)),
        "faint hiss": 1e-4 * random.standard_normal(len(t)),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * t),
        "hum": 0.3 * np.sin(2 * np.pi * 50 * t) + 0.1 * np.sin(2 * np.pi * 150 * t),
        "melody": 0.2 * melody,
        "beat": 0.3 * beat,
        "siren": 0.3 * np.sin(2 * np.pi * 700 * t + 100 * np.sin(2 * np.pi * 0.5 * t)),
        "clicks": 0.8 * (random.random(len(t)) < 0.0003),
    }
    return {name: sound.astype(np.float32) for name, sound in sounds.items()}
