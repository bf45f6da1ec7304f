"""The graphs that export writes say the same as the PyTorch networks, in fp32 and in int8."""

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from speech_service.features import RATE  # noqa: E402
from tests.speech_service.voices import voice  # noqa: E402
from training.export.speech_graph import (  # noqa: E402
    SpeechNetwork,
    compute_bases,
    even_rows,
    export_network,
    quantise,
    store_half,
)
from training.speech.familiarity import SEEN, Familiarity  # noqa: E402
from training.speech.network import LAYERS, LEVEL, MAPS, Encoder, LogMel, encoder_state, load_encoder  # noqa: E402
from training.speech.paper import MFCC, MfccLstm, pad  # noqa: E402
from training.speech.speaker_encoder import SpeakerEncoder, load_speaker_encoder  # noqa: E402
from training.third_party.campplus import chosen_tensors  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


READ = ("base", "speaker")
WIDTH = 512
NARROW = 384


def made_network():
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    fit = {
        "voice": random.normal(size=(200, 7)),
        "axes": 0.02 * random.normal(size=(MAPS * SEEN, MAPS * SEEN)),
        "centres": random.normal(size=(3, MAPS * SEEN)),
    }
    for name in READ:
        # As of real statistics, whose spreads differ by thousands.
        spread = np.exp(random.normal(0, 2, size=(5, 4 * WIDTH, 1)))
        fit |= {
            f"{name}_means": random.normal(size=(5, 4 * WIDTH)),
            f"{name}_bases": 0.02 * random.normal(size=(5, 4 * WIDTH, 40)) / spread,
            f"{name}_first": 0.05 * random.normal(size=(200, 32)),
            f"{name}_first_bias": np.zeros(32),
            f"{name}_second": random.normal(size=(32, 7)),
            f"{name}_second_bias": np.zeros(7),
        }
    gate = {"weight": random.normal(size=(200, 1)), "bias": np.zeros(1)}
    encoders = {"base": Encoder(WIDTH, level=LEVEL), "speaker": SpeakerEncoder()}
    return SpeechNetwork(encoders, fit, gate).eval()


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Random tensors in the shapes and under the names of a published Whisper."""
    random = np.random.default_rng(0)
    width = NARROW

    def tensor(*shape):
        return (random.standard_normal(shape) * shape[-1] ** -0.5).astype(np.float16)

    tensors = {"position_encodings/encodings": tensor(1500, width)}
    for name, bands in (("conv1", 80), ("conv2", width)):
        tensors |= {f"{name}/weight": tensor(width, bands, 3), f"{name}/bias": tensor(width)}
    products = {"self_attention/linear_0": (3, 1), "self_attention/linear_1": (1, 1)}
    products |= {"ffn/linear_0": (4, 1), "ffn/linear_1": (1, 4)}
    for layer in range(LAYERS):
        for norm in ("self_attention/layer_norm", "ffn/layer_norm"):
            gamma = np.ones(width, np.float16)
            tensors |= {f"layer_{layer}/{norm}/gamma": gamma, f"layer_{layer}/{norm}/beta": tensor(width)}
        for name, (out, size) in products.items():
            weight, bias = tensor(out * width, size * width), tensor(out * width)
            tensors |= {f"layer_{layer}/{name}/weight": weight, f"layer_{layer}/{name}/bias": bias}
    path = tmp_path_factory.mktemp("whisper") / "whisper.npz"
    np.savez(path, **tensors)
    return path


def test_an_encoder_is_as_wide_as_its_tensors_and_uses_them_all(published):
    encoder = load_encoder(published)
    assert encoder.width == NARROW
    with np.load(published) as stored:
        read = encoder_state(dict(stored))
    kept = encoder.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in read.items())
    assert {name for name in kept if not name.startswith("log_mel")} == read.keys()


def test_several_sounds_at_once_give_what_each_gives_alone(published):
    encoder = load_encoder(published)
    sounds = torch.randn(3, RATE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        alone = torch.cat([encoder(sound[None]) for sound in sounds])
        assert torch.allclose(encoder(sounds), alone, atol=1e-4)


def test_a_speaker_encoder_is_all_that_is_taken_of_its_package(tmp_path):
    published = SpeakerEncoder().state_dict()
    behind = {
        name: torch.ones(2) for name in ("xvector.transit3.linear.weight", "xvector.dense.linear.weight")
    }
    chosen = chosen_tensors({**published, **behind})
    np.savez(tmp_path / "speaker.npz", **chosen)
    read = load_speaker_encoder(tmp_path / "speaker.npz").state_dict()
    assert all(torch.equal(read[name], value) for name, value in published.items())
    assert not behind.keys() & chosen.keys()


def test_a_speaker_encoder_says_which_of_its_tensors_lack(tmp_path):
    tensors = {name: value.numpy() for name, value in SpeakerEncoder().state_dict().items()}
    np.savez(tmp_path / "whole.npz", **tensors)
    read = load_speaker_encoder(tmp_path / "whole.npz").state_dict()
    assert all(np.array_equal(read[name], value) for name, value in tensors.items())
    del tensors["head.conv1.weight"]
    np.savez(tmp_path / "lacking.npz", **tensors)
    with pytest.raises(ValueError, match=r"lacks head\.conv1\.weight"):
        load_speaker_encoder(tmp_path / "lacking.npz")


@pytest.mark.parametrize("seconds", [0.5, 1.3, 10.0])
def test_what_a_speaker_encoder_gives_does_not_hang_on_the_level(seconds):
    sound = torch.from_numpy(voice(seconds)[: int(seconds * RATE)][None])
    encoder = SpeakerEncoder().eval()
    with torch.no_grad():
        torch.testing.assert_close(encoder(0.1 * sound), encoder(sound), atol=1e-3, rtol=1e-3)
        assert encoder(sound).shape == (1, 25 * 512)
        assert encoder(torch.zeros(1, RATE)).isfinite().all()


def test_evened_rows_give_the_table_again():
    table = np.random.default_rng(0).normal(size=(2, 30, 4)) * np.logspace(-4, 3, 30)[:, None]
    scale, even = even_rows(table)
    np.testing.assert_allclose(scale[..., None] * even, table, rtol=1e-5)
    assert float(even.abs().max()) == pytest.approx(1.0)


def test_the_graphs_say_what_the_network_says(tmp_path):
    network = made_network()
    whole, small = tmp_path / "whole.onnx", tmp_path / "small.onnx"
    export_network(network, whole)
    quantise(whole, small)
    compute_bases(small)
    store_half(small)
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


def test_a_basis_that_is_made_says_what_a_stored_one_says(tmp_path):
    path = tmp_path / "whole.onnx"
    export_network(made_network(), path)
    stored = onnxruntime.InferenceSession(path)
    before = path.stat().st_size
    compute_bases(path)
    assert path.stat().st_size < before - 1_300_000
    made = onnxruntime.InferenceSession(path)
    sound = voice(2.0)[None]
    for found, wanted in zip(
        made.run(None, {"sound": sound}), stored.run(None, {"sound": sound}), strict=True
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-4, rtol=1e-4)


def test_the_graph_knows_the_distance_that_was_learned():
    network = made_network()
    known = Familiarity(network.axes.numpy(), network.centres.numpy())
    directions = np.random.default_rng(1).normal(size=(5, 200)).astype(np.float32)
    found = [float(network.distance(torch.from_numpy(one[None]))) for one in directions]
    np.testing.assert_allclose(found, known.distance(directions), rtol=1e-4)


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
