"""The service over HTTP with its real networks."""

import asyncio
import io
import struct

import numpy as np
import pytest
import soundfile

from shared.contracts.emotions import EMOTIONS
from shared.contracts.speech import SpeechAnalysis
from shared.contracts.vectors import unpack_vector
from shared.npy import MEDIA_TYPE, write_npy
from tests.speech_service.conftest import running

NPY = {"content-type": MEDIA_TYPE}
WAV = {"content-type": "audio/wav"}


async def post(client, content, headers=NPY, **parameters):
    return await client.post("/v1/speech", content=content, headers=headers, params=parameters)


async def analysis(client, sound, **parameters):
    answer = await post(client, write_npy(sound), **parameters)
    assert answer.status_code == 200, answer.text
    return SpeechAnalysis.model_validate_json(answer.content)


def problem(answer, status, name, field):
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (answer.status_code, document["type"], document["field"]) == (status, f"/problems/{name}", field)
    assert document["remedy"]
    assert "Traceback" not in answer.text
    assert "/models/" not in answer.text


@pytest.mark.parametrize("profile", ["default", "paper"])
async def test_a_voice_gives_segments_with_scores(babble, profile):
    pause = np.zeros(16_000, dtype=np.float32)
    async with running() as client:
        found = await analysis(client, np.concatenate([pause, babble, pause, babble, pause]), profile=profile)
    assert len(found.segments) == 2
    assert found.model == f"speech-{profile}-1"
    assert found.sound_seconds == pytest.approx(3 + 2 * len(babble) / 16_000)
    assert 3 < found.speech_seconds < found.sound_seconds
    assert found.segments[0].end <= found.segments[1].start
    assert found.scores is not None
    assert sum(found.scores.values()) == pytest.approx(1, abs=0.01)
    if profile == "default":
        assert unpack_vector(found.segments[0].voice).shape == (7,)


async def test_what_is_not_speech_gives_null(noises):
    async with running() as client:
        for name, sound in noises.items():
            for profile in ("default", "paper"):
                found = await analysis(client, sound, profile=profile)
                assert found.segments == (), (name, profile)
                assert found.scores is None
                assert found.snr_db is None
                assert found.speech_seconds == 0


async def test_arrays_files_and_forms_give_the_same_answer(babble, wave_file):
    async with running() as client:
        array = (await analysis(client, babble)).scores
        files = {
            "float": (wave_file(babble, "FLOAT"), WAV),
            "flac": (wave_file(babble, "PCM_24", container="FLAC"), {"content-type": "audio/flac"}),
            "stereo": (wave_file(np.stack([babble, babble], axis=1), "FLOAT"), WAV),
        }
        for name, (content, headers) in files.items():
            answer = await post(client, content, headers)
            assert answer.status_code == 200, (name, answer.text)
            scores = SpeechAnalysis.model_validate_json(answer.content).scores
            np.testing.assert_allclose(scores.array(), array.array(), atol=0.03, err_msg=name)
        form = await client.post("/v1/speech", files={"file": ("a.wav", files["float"][0], "audio/wav")})
        assert form.status_code == 200, form.text
        assert form.json()["scores"] == answer.json()["scores"]


async def test_other_rates_are_brought_to_16_khz(babble, wave_file):
    async with running() as client:
        expected = (await analysis(client, babble)).scores
        for rate in (32_000, 48_000):
            raised = np.interp(
                np.arange(len(babble) * rate // 16_000) * 16_000 / rate, np.arange(len(babble)), babble
            )
            answer = await post(client, wave_file(raised, rate=rate), WAV)
            assert answer.status_code == 200, answer.text
            found = SpeechAnalysis.model_validate_json(answer.content)
            assert found.sound_seconds == pytest.approx(len(babble) / 16_000, abs=0.001)
            np.testing.assert_allclose(found.scores.array(), expected.array(), atol=0.35)


async def test_level_says_nothing(babble):
    async with running() as client:
        loud, low = await analysis(client, babble), await analysis(client, babble * np.float32(0.1))
    assert loud.scores.label == low.scores.label
    np.testing.assert_allclose(loud.scores.array(), low.scores.array(), atol=0.05)


async def test_a_constant_that_a_sound_card_adds_says_nothing(babble):
    voice = np.concatenate([np.zeros(8_000, np.float32), 0.3 * babble, np.zeros(8_000, np.float32)])
    voice += 1e-4 * np.random.default_rng(0).standard_normal(len(voice)).astype(np.float32)
    async with running() as client:
        plain, shifted = await analysis(client, voice), await analysis(client, voice + np.float32(0.03))
    assert shifted.snr_db == pytest.approx(plain.snr_db, abs=0.5)
    np.testing.assert_allclose(shifted.scores.array(), plain.scores.array(), atol=0.01)


async def test_a_voice_with_opposite_signs_in_two_channels_is_heard(babble, wave_file):
    async with running() as client:
        alone = await analysis(client, babble)
        answer = await post(client, wave_file(np.stack([babble, -babble], axis=1), "FLOAT"), WAV)
    found = SpeechAnalysis.model_validate_json(answer.content)
    np.testing.assert_allclose(found.scores.array(), alone.scores.array(), atol=0.03)


async def test_an_answer_does_not_depend_on_other_calls(babble):
    async with running() as client:
        alone = await analysis(client, babble)
        together = await asyncio.gather(*(analysis(client, babble) for _ in range(5)))
    for found in together:
        assert found.model_copy(update={"compute_ms": 0.0}) == alone.model_copy(update={"compute_ms": 0.0})


async def test_bad_arrays_are_refused(babble):
    spoiled = babble.copy()
    spoiled[100] = np.nan
    endless = babble.copy()
    endless[5] = np.inf
    huge = babble * np.float32(1e30)
    async with running() as client:
        problem(await post(client, b""), 422, "empty-upload", "body")
        problem(await post(client, write_npy(np.zeros(0, np.float32))), 422, "empty-upload", "body")
        for sound in (
            spoiled,
            endless,
            huge,
            babble.astype(np.float64),
            babble[None],
            (babble * 9).astype(np.int16),
        ):
            problem(await post(client, write_npy(sound)), 422, "bad-parameter", "body")
        problem(await post(client, b"not an array"), 422, "bad-parameter", "body")
        problem(await post(client, write_npy(babble)[:-10]), 422, "bad-parameter", "body")


async def test_bad_files_are_refused(babble, wave_file):
    whole = wave_file(babble)
    async with running() as client:
        problem(await post(client, b"", WAV), 422, "empty-upload", "body")
        problem(await post(client, b"%PDF-1.7 nothing", WAV), 415, "unsupported-media", "body")
        problem(await post(client, wave_file(babble[:0]), WAV), 422, "empty-upload", "body")
        problem(await post(client, wave_file(babble, rate=4_000), WAV), 415, "unsupported-media", "body")
        problem(await post(client, b"RIFF" + bytes(40), WAV), 422, "damaged-media", "body")
        flac = wave_file(babble, container="FLAC")
        problem(await post(client, flac[: len(flac) // 2], WAV), 422, "damaged-media", "body")
        spoiled = wave_file(np.where(np.arange(len(babble)) == 7, np.nan, babble), "FLOAT")
        problem(await post(client, spoiled, WAV), 422, "damaged-media", "body")
        ogg = io.BytesIO()
        soundfile.write(ogg, babble, 16_000, format="OGG")
        problem(await post(client, ogg.getvalue(), WAV), 415, "unsupported-media", "body")
        assert (await post(client, whole, WAV)).status_code == 200


async def test_a_header_that_promises_hours_is_refused_before_it_is_decoded(babble, wave_file):
    whole = bytearray(wave_file(babble, container="FLAC"))
    # The last 36 bits of the first eight after the rate hold the number of samples.
    (word,) = struct.unpack_from(">Q", whole, 18)
    struct.pack_into(">Q", whole, 18, (word & ~((1 << 36) - 1)) | (16_000 * 3600 * 10))
    async with running() as client:
        problem(await post(client, bytes(whole), WAV), 422, "media-over-limit", "body")


async def test_limits_and_parameters(babble):
    async with running(speech_seconds=2.0, max_body_bytes=300_000) as client:
        problem(await post(client, write_npy(babble)), 422, "media-over-limit", "body")
        problem(await post(client, bytes(300_001)), 413, "upload-too-large", "body")
        short = write_npy(babble[:16_000])
        problem(await post(client, short, profile="best"), 422, "bad-parameter", "profile")
        problem(await post(client, short, fps=5), 422, "unknown-parameter", "fps")
        problem(
            await post(client, short, {"content-type": "text/plain"}),
            415,
            "unsupported-media",
            "Content-Type",
        )
        answer = await client.post("/v1/speech", content=short)
        problem(answer, 415, "unsupported-media", "Content-Type")
        form = {"content-type": "multipart/form-data; boundary=x"}
        problem(await post(client, b"--x no form", form), 400, "bad-request", "body")
        answer = await client.post("/v1/speech", files={"sound": ("a.wav", b"RIFF", "audio/wav")})
        problem(answer, 422, "bad-parameter", "sound")


@pytest.mark.parametrize("samples", [1, 100, 511, 512, 4_000])
async def test_very_short_sounds(babble, samples):
    async with running() as client:
        found = await analysis(client, babble[4_000 : 4_000 + samples])
    assert found.sound_seconds == pytest.approx(samples / 16_000, abs=0.001)


async def test_models_are_listed():
    async with running() as client:
        listed = (await client.get("/v1/models")).json()["models"]
    assert {one["name"] for one in listed} == {"speech-activity-1", "speech-default-1", "speech-paper-1"}
    assert all(one["summary"] and one["licence"] for one in listed)


async def test_the_order_of_labels_is_the_order_of_scores(classifiers):
    for classifier in classifiers.values():
        assert classifier.manifest.labels == EMOTIONS
