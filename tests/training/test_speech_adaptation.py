"""Low-rank changes begin with nothing, learn, and stand in the weights that are written."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.corpora.speech import RATE  # noqa: E402
from training.speech.adapt import AdaptedNetwork, LowRank, Plan, save_encoder  # noqa: E402
from training.speech.ensemble import Ensemble  # noqa: E402
from training.speech.network import LAYERS, MAPS, WIDTH, Encoder, load_encoder  # noqa: E402
from training.speech.reduction import Reduction  # noqa: E402
from training.speech.train import STATISTICS_USED  # noqa: E402

LINEAR_SIZES = {
    "self_attention/linear_0": (3 * WIDTH, WIDTH),
    "self_attention/linear_1": (WIDTH, WIDTH),
    "ffn/linear_0": (4 * WIDTH, WIDTH),
    "ffn/linear_1": (WIDTH, 4 * WIDTH),
}


@pytest.fixture
def base(tmp_path):
    """Random tensors in the shapes of the published encoder."""
    random = np.random.default_rng(0)

    def tensor(*shape):
        return (random.standard_normal(shape) * shape[-1] ** -0.5).astype(np.float16)

    tensors = {"position_encodings/encodings": tensor(1500, WIDTH)}
    for name, bands in (("conv1", 80), ("conv2", WIDTH)):
        tensors |= {f"{name}/weight": tensor(WIDTH, bands, 3), f"{name}/bias": tensor(WIDTH)}
    for layer in range(LAYERS):
        for norm in ("self_attention/layer_norm", "ffn/layer_norm"):
            gamma = np.ones(WIDTH, np.float16)
            tensors |= {f"layer_{layer}/{norm}/gamma": gamma, f"layer_{layer}/{norm}/beta": tensor(WIDTH)}
        for name, (out, size) in LINEAR_SIZES.items():
            weight, bias = tensor(out, size), tensor(out)
            tensors |= {f"layer_{layer}/{name}/weight": weight, f"layer_{layer}/{name}/bias": bias}
    path = tmp_path / "base.npz"
    np.savez(path, **tensors)
    return path


@pytest.fixture
def network(base, tmp_path):
    random = np.random.default_rng(1)
    features = len(STATISTICS_USED) * WIDTH

    def floats(*shape):
        return (random.standard_normal(shape) * shape[0] ** -0.5).astype(np.float32)

    reduction = Reduction(
        (np.zeros(features, np.float32),) * MAPS, tuple(floats(features, 8) for _ in range(MAPS))
    )
    ensemble = Ensemble(floats(MAPS * 8, 16), floats(16), floats(16, 7), floats(7))
    return AdaptedNetwork(load_encoder(base), reduction, ensemble, Plan(tmp_path, 1.0, rank=4))


def test_a_low_rank_change_begins_with_nothing():
    weight = torch.randn(6, 5)
    assert torch.equal(LowRank((6, 5), 2)(weight), weight)


def test_only_the_changes_and_the_head_learn(network):
    frozen = [weight.detach().clone() for weight in network.parameters() if not weight.requires_grad]
    learning = [*network.changes(), *network.head()]
    optimizer = torch.optim.AdamW(learning, lr=1e-2)
    before = [weight.detach().clone() for weight in learning]
    sound, labels = torch.randn(3, RATE), torch.tensor([0, 3, 6])
    losses = []
    for _ in range(4):
        loss = torch.nn.functional.cross_entropy(network.eval()(sound), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    assert all(not torch.equal(old, new) for old, new in zip(before, learning, strict=True))
    after = [weight for weight in network.parameters() if not weight.requires_grad]
    assert all(torch.equal(old, new) for old, new in zip(frozen, after, strict=True))


def test_the_written_encoder_does_what_the_changed_one_does(network, base, tmp_path):
    with torch.no_grad():
        for weight in network.changes():
            weight.add_(0.05 * torch.randn_like(weight))
    written = tmp_path / "encoder.npz"
    save_encoder(network, base, written)
    sound = torch.randn(1, RATE)
    with torch.no_grad():
        changed = network.eval().encoder(sound)
        assert torch.allclose(load_encoder(written)(sound), changed, atol=1e-3)
        assert not torch.allclose(load_encoder(base)(sound), changed, atol=1e-2)


def test_several_sounds_at_once_give_what_each_gives_alone():
    torch.manual_seed(0)
    encoder = Encoder().eval()
    sounds = torch.randn(3, RATE)
    with torch.no_grad():
        alone = torch.cat([encoder(sound[None]) for sound in sounds])
        assert torch.allclose(encoder(sounds), alone, atol=1e-4)
