"""Golden vectors against librosa; the spectrum inside the shipped graph against the same."""

import librosa
import numpy as np
import onnxruntime
import pytest

from speech_service.features import RATE, mel_filters, mfcc
from tests.speech_service.conftest import MODELS


@pytest.fixture
def sounds(babble):
    random = np.random.default_rng(0)
    sweep = np.sin(2 * np.pi * np.cumsum(np.linspace(50, 7000, RATE)) / RATE)
    return {
        "voice": babble,
        "noise": (0.1 * random.standard_normal(RATE)).astype(np.float32),
        "sweep": (0.5 * sweep).astype(np.float32),
        "silence": np.zeros(RATE, dtype=np.float32),
        "odd": babble[: RATE + 137],
    }


@pytest.mark.parametrize(("bands", "window"), [(80, 400), (64, 640), (40, 512), (128, 2048)])
def test_mel_filters_are_librosas(bands, window):
    expected = librosa.filters.mel(sr=RATE, n_fft=window, n_mels=bands)
    np.testing.assert_allclose(mel_filters(bands=bands, window=window), expected, atol=1e-7)


@pytest.mark.parametrize(("bands", "window", "hop", "coefficients"), [(64, 640, 320, 40), (40, 400, 160, 13)])
def test_mfcc_is_librosas(sounds, bands, window, hop, coefficients):
    for name, sound in sounds.items():
        expected = librosa.feature.mfcc(
            y=sound, sr=RATE, n_mfcc=coefficients, n_fft=window, hop_length=hop, n_mels=bands
        ).T
        found = mfcc(sound, coefficients=coefficients, bands=bands, window=window, hop=hop)
        np.testing.assert_allclose(found, expected, atol=2e-2, rtol=1e-4, err_msg=name)


def whisper_log_mel(sound):
    """Whisper's log-mel out of librosa's parts, its loudest value put at 1.5 before it is scaled."""
    power = (
        np.abs(librosa.stft(sound, n_fft=400, hop_length=160, window="hann", pad_mode="reflect")[:, :-1]) ** 2
    )
    mel = np.log10(np.maximum(librosa.filters.mel(sr=RATE, n_fft=400, n_mels=80) @ power, 1e-10))
    mel = np.maximum(mel, mel.max() - 8.0) - mel.max() + 1.5
    return ((mel + 4.0) / 4.0).T


def test_log_mel_inside_the_graph_is_librosas(sounds):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(MODELS / "default" / "classification" / "speech.onnx")
    name = [node.output[0] for node in model.graph.node if "/log_mel/" in node.output[0]][-1]
    model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for which, sound in sounds.items():
        (found,) = session.run([name], {"sound": sound[None]})
        np.testing.assert_allclose(found[0], whisper_log_mel(sound), atol=2e-3, err_msg=which)
