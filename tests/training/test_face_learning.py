"""The trainer's own parts: relative steps, stages, resumed state. Needs PyTorch (`make setup-training`)."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.face.optimizer import RelativeAdamW  # noqa: E402  # after the skip
from training.face.stages import Stage, stage_at  # noqa: E402  # after the skip
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
