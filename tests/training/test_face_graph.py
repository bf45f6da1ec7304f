"""The graphs that export writes say the same as the PyTorch networks; runs go on where they stopped."""

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from training import checkpoints  # noqa: E402
from training.export.face_graph import default_graph, paper_graph, resizing  # noqa: E402
from training.export.face_int8 import round_kernels, round_plain, rounded  # noqa: E402
from training.face.from_graph import load_graph  # noqa: E402
from training.face.head_choice import choose_plain_shares  # noqa: E402
from training.face.network import FaceNetwork  # noqa: E402
from training.face.paper_network import PaperNetwork  # noqa: E402
from training.face.plain_network import PlainNetwork  # noqa: E402


def run(model, faces):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(
        zip([o.name for o in session.get_outputs()], session.run(None, {"faces": faces}), strict=True)
    )


def arrays(network):
    return {name: value.numpy() for name, value in network.state_dict().items()}


def test_default_graph_says_what_the_network_says():
    torch.manual_seed(0)
    network = FaceNetwork(("rafdb",)).eval()
    torch.nn.init.normal_(network.places)
    state = arrays(network)
    faces = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
    outputs = run(default_graph(state, (state["shared.weight"], state["shared.bias"])), faces)
    with torch.no_grad():
        expected = network(torch.from_numpy(faces).permute(0, 3, 1, 2))["shared"].numpy()
    np.testing.assert_allclose(outputs["logits"], expected, atol=0.02)


def test_paper_graph_says_what_the_network_says():
    torch.manual_seed(0)
    network = PaperNetwork()
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    pictures = torch.from_numpy(faces)[:, None]
    with torch.no_grad():
        for _ in range(5):
            network(pictures)
        expected = network.eval()(pictures).numpy()
    np.testing.assert_allclose(run(paper_graph(arrays(network)), faces)["logits"], expected, atol=0.02)


def test_schedule_rises_then_falls():
    rates = [checkpoints.cosine(progress / 100) for progress in range(101)]
    peak = int(np.argmax(rates))
    assert 1 <= peak <= 3
    assert rates[peak] == pytest.approx(1, abs=0.01)
    assert all(later <= earlier for earlier, later in zip(rates[peak:], rates[peak + 1 :], strict=False))


def test_checkpoint_comes_back_whole(tmp_path):
    path = tmp_path / "run" / "last.pt"
    assert checkpoints.load(path) is None
    checkpoints.save(path, {"step": 3, "average": {"weight": torch.ones(2)}})
    state = checkpoints.load(path)
    assert state["step"] == 3
    assert list(path.parent.iterdir()) == [path]


def test_average_follows():
    network = torch.nn.Linear(1, 1)
    average = checkpoints.Average(network, 0.5)
    with torch.no_grad():
        network.weight.add_(1)
    for step in range(100, 120):
        average.follow(network, step)
    assert torch.allclose(average.network.weight, network.weight, atol=1e-3)


@pytest.mark.parametrize("stored", [lambda model: model, round_kernels], ids=["float16", "int8"])
def test_learning_goes_on_from_a_graph(tmp_path, stored):
    torch.manual_seed(0)
    network = FaceNetwork(("rafdb",)).eval()
    torch.nn.init.normal_(network.places)
    state = arrays(network)
    path = tmp_path / "face.onnx"
    onnx.save(stored(default_graph(state, (state["shared.weight"], state["shared.bias"]))), path)
    again = FaceNetwork(("rafdb",)).eval()
    load_graph(again, path)
    faces = torch.randint(0, 256, (2, 3, 112, 112), dtype=torch.uint8)
    with torch.no_grad():
        before, after = network(faces), again(faces)
    np.testing.assert_allclose(after["shared"].numpy(), before["shared"].numpy(), atol=0.02)
    np.testing.assert_array_equal(after["rafdb"].numpy(), after["shared"].numpy())


def learned_a_little(network, pictures):
    """Batch norms that have seen pictures, heads that differ."""
    with torch.no_grad():
        for _ in range(5):
            network.train()(pictures)
    return network.eval()


def test_networks_in_one_graph_add_up():
    torch.manual_seed(0)
    network = FaceNetwork(("rafdb",)).eval()
    faces = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
    small = np.stack([cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA) for face in faces])
    pictures = torch.from_numpy(small).permute(0, 3, 1, 2)
    state = arrays(network)
    with torch.no_grad():
        trunk = network(torch.from_numpy(faces).permute(0, 3, 1, 2))["shared"].numpy()
    added, beside = 0.0, []
    for share, widths in ((0.5, (32, 64, 160, 320)), (0.7, (8, 8, 16, 16))):
        plain = learned_a_little(PlainNetwork(("rafdb",), widths=widths), pictures)
        own = arrays(plain)
        beside.append((own, (share * own["shared.weight"], share * own["shared.bias"])))
        with torch.no_grad():
            answer = share * plain(pictures)["shared"].numpy()
        assert np.abs(answer).max() > 0.05
        added = added + answer
    model = default_graph(state, (state["shared.weight"], state["shared.bias"]), beside)
    outputs = run(model, faces)
    np.testing.assert_allclose(outputs["logits"], trunk + added, atol=0.03)
    rounded = round_plain(model, faces)
    assert rounded.ByteSize() < 0.8 * model.ByteSize()
    inexact = run(rounded, faces)
    np.testing.assert_allclose(inexact["logits"] - trunk, added, atol=0.1 * np.ptp(added))


def test_networks_count_as_much_as_helps():
    """The first is right about half of the pictures, the second about the rest, the third about nothing."""
    label = np.arange(40) % 7
    right = 4 * np.eye(7, dtype=np.float32)[label]
    first, second = right * (np.arange(40) < 20)[:, None], right * (np.arange(40) >= 20)[:, None]
    third = np.random.default_rng(0).normal(0, 9, (40, 7)).astype(np.float32)
    parts = [{"part": ({"shared": logits}, label)} for logits in (first, second, third)]
    shares = choose_plain_shares(parts[0], parts[1:])
    assert shares[0] > 0
    assert shares[1] == 0
    assert choose_plain_shares(parts[0], []) == ()


def test_a_smaller_picture_keeps_its_light():
    faces = np.random.default_rng(0).integers(0, 256, (112, 112), dtype=np.uint8)
    rows = resizing(112, 48)
    expected = cv2.resize(faces.astype(np.float32), (48, 48), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(rows @ faces @ rows.T, expected, atol=0.1)


def face_graph(network):
    state = arrays(network)
    return default_graph(state, (state["shared.weight"], state["shared.bias"]))


def test_int8_keeps_every_channel_to_half_a_step():
    kernel = np.random.default_rng(0).normal(size=(6, 512, 1, 1)) * 10.0 ** np.arange(-3, 3).reshape(
        -1, 1, 1, 1
    )
    kernel[2] = 0
    stored, scale = rounded(kernel.astype(np.float32))
    assert stored.dtype == np.int8
    assert scale.shape == (6, 1, 1, 1)
    assert (np.abs(stored * scale - kernel) <= scale * 0.501).all()
    assert np.abs(stored).max() == 127


def test_kernels_in_int8_halve_the_file_and_keep_the_answers():
    torch.manual_seed(0)
    network = FaceNetwork(("rafdb",)).eval()
    model = face_graph(network)
    small = round_kernels(model)
    assert small.ByteSize() < 0.6 * model.ByteSize()
    assert round_kernels(small) == small
    faces = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
    exact, inexact = run(model, faces), run(small, faces)
    np.testing.assert_allclose(inexact["logits"], exact["logits"], atol=0.02)
