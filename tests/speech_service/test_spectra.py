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


def inside_the_graph(part, sounds):
    """The last values of that part of the shipped network, for each sound."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load(MODELS / "default" / "classification" / "speech.onnx")
    name = [node.output[0] for node in model.graph.node if part in node.output[0]][-1]
    model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return {which: session.run([name], {"sound": sound[None]})[0][0] for which, sound in sounds.items()}


def test_log_mel_inside_the_graph_is_librosas(sounds):
    found = inside_the_graph("/log_mel/", sounds)
    for which, sound in sounds.items():
        np.testing.assert_allclose(found[which], whisper_log_mel(sound), atol=2e-3, err_msg=which)


def kaldi_filter_banks(sound):
    """Log filter banks as Kaldi documents them, one frame after the other, each band's mean off."""
    loud = sound / np.abs(sound).max() * 16384
    mel = 1127 * np.log1p(np.arange(257) * 31.25 / 700)
    corners = np.linspace(1127 * np.log1p(20 / 700), 1127 * np.log1p(8000 / 700), 82)
    banks = []
    for begin in range(0, len(sound) - 400 + 1, 160):
        frame = loud[begin : begin + 400] - loud[begin : begin + 400].mean()
        frame = frame - 0.97 * np.concatenate([frame[:1], frame[:-1]])
        power = np.abs(np.fft.rfft(frame * np.hanning(400) ** 0.85, 512)) ** 2
        found = [np.interp(mel, corners[k : k + 3], [0, 1, 0], left=0, right=0) @ power for k in range(80)]
        banks.append(np.log(np.maximum(found, np.finfo(np.float32).eps)))
    return np.array(banks) - np.mean(banks, axis=0)


def test_filter_banks_inside_the_graph_are_kaldis(sounds):
    # Of a sweep and of silence most bands hold nothing but float32's own noise.
    found = inside_the_graph("/filter_banks/", {which: sounds[which] for which in ("voice", "noise", "odd")})
    for which, banks in found.items():
        np.testing.assert_allclose(banks, kaldi_filter_banks(sounds[which]), atol=3e-2, err_msg=which)
