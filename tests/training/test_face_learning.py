"""The trainer's own parts: relative steps, stages, resumed state. Needs PyTorch (`make setup-training`)."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from training import checkpoints  # noqa: E402  # after the skip
from training.export.face_graph import default_graph  # noqa: E402  # after the skip
from training.face import learn_paper, train  # noqa: E402  # after the skip
from training.face.crops import cut, window_placement  # noqa: E402  # after the skip
from training.face.learn_plain import Plan, learn, optimizer_of, taught_by  # noqa: E402  # after the skip
from training.face.network import FaceNetwork  # noqa: E402  # after the skip
from training.face.optimizer import RelativeAdamW  # noqa: E402  # after the skip
from training.face.plain_network import PlainNetwork, standardised  # noqa: E402  # after the skip
from training.face.samples import CONVENTIONS, Corpus, hard_targets  # noqa: E402  # after the skip
from training.face.stages import Stage, stage_at  # noqa: E402  # after the skip
from training.face.teacher import Teacher, answers_file, read_answers  # noqa: E402  # after the skip
from training.face.train import stage  # noqa: E402  # after the skip


def layer(sizes):
    weight = torch.nn.Parameter(torch.tensor([[size, -size] for size in sizes]))
    return weight, RelativeAdamW([{"params": [weight], "relative": True, "lr": 0.01}])


def test_a_step_is_the_same_share_of_every_row():
    weight, optimizer = layer([100.0, 10.0])
    before = weight.detach().clone()
    weight.grad = torch.tensor([[1e-3, 1e-3], [5.0, 5.0]])
    optimizer.step()
    moved = (before - weight.detach()) / before.abs()
    assert torch.allclose(moved, torch.full_like(moved, 0.01), rtol=1e-4)


def test_a_dead_row_still_moves():
    weight, optimizer = layer([0.0, 1.0, 1.0])
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    assert torch.allclose(weight[0], torch.full((2,), -0.003))


def test_an_optimizer_goes_on_from_its_state():
    weight, optimizer = layer([2.0, 1.0])
    twin, resumed = layer([5.0, 7.0])
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    with torch.no_grad():
        twin.copy_(weight)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for each, own in ((optimizer, weight), (resumed, twin)):
        own.grad = torch.full_like(own, 0.5)
        each.step()
    assert torch.equal(weight, twin)


def test_stages_follow_the_time():
    stages = (stage("80:96:0.5"), stage("112:64:1"))
    sides = [stage_at(stages, progress).side for progress in np.linspace(0, 1, 5)]
    assert sides == [80, 80, 112, 112, 112]
    assert stage_at(stages, 0.0) == Stage(80, 96, 0.5)


def test_light_says_nothing_to_the_plain_network():
    torch.manual_seed(0)
    pictures = torch.randint(0, 256, (2, 1, 48, 48)).expand(2, 3, 48, 48).float()
    darker = 0.7 * pictures + 20
    assert standardised(pictures).std() > 0.8
    torch.testing.assert_close(standardised(pictures), standardised(darker), atol=0.1, rtol=0)
    assert standardised(torch.full((1, 3, 48, 48), 128.0)).abs().max() < 1e-3


def test_the_plain_network_learns(tmp_path):
    """Bars that stand or lie: told apart after a few steps."""
    torch.manual_seed(0)
    bars = torch.zeros(32, 3, 16, 16)
    bars[:16, :, ::4] = 255.0
    bars[16:, :, :, ::4] = 255.0
    bars += 20 * torch.rand_like(bars)
    label = torch.arange(32) // 16
    network = PlainNetwork(("rafdb",), widths=(8, 8, 8, 8), dropout=0.0)
    plan = Plan(folder=tmp_path, cache=tmp_path, corpora=(), minutes=1)
    optimizer = optimizer_of(network, plan)
    for _ in range(20):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(bars)["shared"], label).backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        assert (network(bars)["shared"].argmax(1) == label).all()


def test_a_start_that_is_not_there_is_no_start_from_nothing(tmp_path):
    plan = Plan(folder=tmp_path, cache=tmp_path, corpora=(), minutes=1, start=tmp_path / "none.pt")
    with pytest.raises(FileNotFoundError, match=r"none\.pt"):
        learn(plan)


def test_a_network_is_made_again_from_its_weights():
    torch.manual_seed(0)
    network = PlainNetwork(("rafdb",), widths=(8, 16, 24, 40)).eval()
    again = PlainNetwork.like(network.state_dict(), ("rafdb",)).eval()
    pictures = torch.randint(0, 256, (2, 3, 48, 48)).float()
    with torch.no_grad():
        torch.testing.assert_close(again(pictures), network(pictures))


def test_a_teacher_answers_beside_the_labels_and_alone_where_there_are_none(tmp_path):
    random = np.random.default_rng(0)
    given = {name: random.dirichlet(np.ones(7), 3).astype(np.float32) for name in ("shared", *CONVENTIONS)}
    np.savez(answers_file(tmp_path, "rafdb_train"), **given)
    label = hard_targets(np.array([0, 3, 6]), 0.1)
    corpus = Corpus(None, [], np.empty((3, 1, 2, 3)), {"shared": label, "rafdb": label}, np.full(3, "train"))
    targets = taught_by(corpus, read_answers(tmp_path, "rafdb_train"), 0.25).targets
    np.testing.assert_allclose(targets["rafdb"], 0.75 * label + 0.25 * given["rafdb"], rtol=1e-6)
    np.testing.assert_allclose(targets["kdef"].sum(1), 0.25, rtol=1e-5)
    assert corpus.targets["shared"] is label
    with pytest.raises(FileNotFoundError):
        read_answers(tmp_path, "kdef")


def test_a_teacher_answers_on_what_is_learned_from(tmp_path):
    """As its graph, moved for a convention as the plain network's own head is from the shared one."""
    torch.manual_seed(0)
    trunk, plain = FaceNetwork(CONVENTIONS).eval(), PlainNetwork(CONVENTIONS, widths=(8, 8, 8, 8)).eval()
    for head in plain.own.values():
        torch.nn.init.normal_(head.weight)
    state, beside = ({k: v.numpy() for k, v in one.state_dict().items()} for one in (trunk, plain))
    heads = [(one["shared.weight"], one["shared.bias"]) for one in (state, beside)]
    onnx.save(default_graph(state, heads[0], [(beside, heads[1])]), tmp_path / "face.onnx")
    checkpoints.save(tmp_path / "last.pt", {"average": plain.state_dict()})
    teacher = Teacher(tmp_path / "face.onnx", tmp_path, temperature=2.0)

    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (48, 48, 3), dtype=np.uint8) for _ in range(3)]
    placements = np.stack([[window_placement(48, 0, 1)]] * 3)
    corpus = Corpus([0, 1, 2], pictures, placements, {}, np.array(["train", "test", "train"]))
    answers = teacher.answers(corpus)
    assert set(answers) == {"shared", *CONVENTIONS}
    for shares in answers.values():
        np.testing.assert_allclose(shares.sum(1), [1, 0, 1], atol=1e-5)

    faces, small = (np.stack([cut(pictures[0], placements[0, 0], side)]) for side in (112, 48))
    with torch.no_grad():
        both = trunk(torch.from_numpy(faces).permute(0, 3, 1, 2))["shared"]
        own = plain(torch.from_numpy(small).permute(0, 3, 1, 2))
    found = teacher.logits(faces, small)
    np.testing.assert_allclose(found["shared"], (both + own["shared"]).numpy() / 2, atol=0.05)
    moved = (own["kdef"] - own["shared"]).numpy()
    assert np.abs(moved).max() > 0.1
    np.testing.assert_allclose(found["kdef"] - found["shared"], moved, atol=1e-4)


def test_the_papers_network_does_not_seem_to_learn_from_other_corpora(tmp_path, monkeypatch, capsys):
    folders = ["--cache", str(tmp_path), "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["train", "--profile", "paper", "--corpora", "kdef", *folders])
    monkeypatch.setattr(learn_paper, "learn", lambda plan: None)
    with pytest.raises(SystemExit):
        train.main()
    assert "FER2013 alone" in capsys.readouterr().err
