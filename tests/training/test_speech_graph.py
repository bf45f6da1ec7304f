"""The graphs that export writes say the same as the PyTorch networks, in fp32 and in int8."""

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from speech_service.features import RATE  # noqa: E402
from tests.speech_service.voices import voice  # noqa: E402
from training.export.speech_graph import SpeechNetwork, export_network, quantise, store_half  # noqa: E402
from training.speech.network import LEVEL, Encoder, LogMel  # noqa: E402
from training.speech.paper import MFCC, MfccLstm, pad  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


def made_network():
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    fit = {
        "means": random.normal(size=(5, 2048)),
        "bases": 0.02 * random.normal(size=(5, 2048, 16)),
        "first": 0.1 * random.normal(size=(80, 32)),
        "first_bias": np.zeros(32),
        "second": random.normal(size=(32, 7)),
        "second_bias": np.zeros(7),
        "voice": random.normal(size=(80, 7)),
    }
    gate = {"weight": random.normal(size=(80, 1)), "bias": np.zeros(1)}
    return SpeechNetwork(Encoder(level=LEVEL), fit, gate).eval()


def test_the_graphs_say_what_the_network_says(tmp_path):
    network = made_network()
    whole, small = tmp_path / "whole.onnx", tmp_path / "small.onnx"
    export_network(network, whole)
    quantise(whole, small)
    store_half(small, longest_kept=1000)
    assert small.stat().st_size < 0.35 * whole.stat().st_size
    exact = onnxruntime.InferenceSession(whole)
    rounded = onnxruntime.InferenceSession(small)
    for seconds in (0.5, 1.3, 10.0):
        sound = voice(seconds)[: int(seconds * RATE)][None]
        with torch.no_grad():
            expected = [part.numpy() for part in network(torch.from_numpy(sound))]
        for found, wanted in zip(exact.run(None, {"sound": sound}), expected, strict=True):
            np.testing.assert_allclose(found, wanted, atol=2e-3, rtol=1e-3)
        logits = rounded.run(["logits"], {"sound": sound})[0]
        assert np.corrcoef(logits[0], expected[0][0])[0, 1] > 0.98


def test_level_is_taken_out():
    sound = torch.from_numpy(voice(1.0)[None])
    spectrum = LogMel(level=LEVEL)
    torch.testing.assert_close(spectrum(sound), spectrum(0.1 * sound), atol=2e-3, rtol=0)
    assert float(spectrum(sound).max()) == pytest.approx((LEVEL + 4) / 4, abs=1e-5)


def test_padding_changes_nothing_in_the_lstm():
    torch.manual_seed(0)
    network = MfccLstm().eval()
    random = np.random.default_rng(0)
    sounds = [random.normal(size=(n, MFCC["coefficients"])).astype(np.float16) for n in (40, 25, 77)]
    frames, mask = pad(sounds)
    with torch.no_grad():
        together = network.emotion(network.states(frames, mask))
        for i, one in enumerate(sounds):
            alone, _ = network(torch.from_numpy(one.astype(np.float32))[None])
            torch.testing.assert_close(together[i], alone[0], atol=1e-4, rtol=1e-4)
