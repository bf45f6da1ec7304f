"""A long enough sound leans on what is usual for its voice, and says so."""

import io

import numpy as np
import pytest
import soundfile

from tests.speech_service.voices import RATE, voice

SENTENCES = 8


@pytest.fixture(scope="module")
def monologue():
    """One voice, with pauses between its sentences."""
    parts = []
    for number in range(SENTENCES):
        parts += [voice(2.0, pitch=110.0 + 25 * (number % 4), seed=number), np.zeros(RATE, dtype=np.float32)]
    file = io.BytesIO()
    soundfile.write(file, np.concatenate(parts), RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


@pytest.fixture
def analyse(gateway, monologue):
    def call(**options):
        answer = gateway.post("/v1/analyses", content=monologue, params=options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return call


def test_a_voice_that_was_heard_long_enough_leans_on_itself(analyse):
    leaning, off = analyse(), analyse(baseline="off")
    assert off["speech"]["baseline"] is None
    use = leaning["speech"]["baseline"]
    assert use["readings"] == len(leaning["segments"]) >= 5
    assert use["start"] == leaning["segments"][0]["start"]
    assert 0.8 < use["strength"] < 1
    assert leaning["speech"]["scores"] != off["speech"]["scores"]
    assert leaning["emotion"]["scores"] == leaning["speech"]["scores"]
    # What the voice network read of each segment stays as it was.
    assert leaning["segments"] == off["segments"]


def test_a_short_one_does_not(analyse):
    assert analyse(end=7)["speech"]["baseline"] is None


def test_another_word_is_refused(gateway, monologue):
    answer = gateway.post("/v1/analyses", content=monologue, params={"baseline": "on"})
    assert answer.status_code == 422
    assert "baseline" in answer.text
