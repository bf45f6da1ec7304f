"""A run that was stopped goes on with the weights, steps and time that it had."""

import math

import pytest

torch = pytest.importorskip("torch")

from training.checkpoints import Run  # noqa: E402


def begin(path, seed, minutes=10.0):
    torch.manual_seed(seed)
    network = torch.nn.Linear(3, 1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    return Run(path, network, optimizer, minutes=minutes, decay=0.9)


def work(run, steps):
    pictures = torch.eye(3)
    for _ in range(steps):
        run.learn((run.network(pictures) - 1).square().mean(), longest=math.inf)


def test_it_learns_and_its_average_follows(tmp_path):
    run = begin(tmp_path / "last.pt", 0)
    work(run, 60)
    assert run.losses[-1] < run.losses[0] / 10
    assert torch.allclose(run.average.network.weight, run.network.weight, atol=0.2)


def test_a_stopped_run_does_what_one_that_went_on_does(tmp_path):
    whole = begin(tmp_path / "whole.pt", 0)
    work(whole, 20)
    stopped = begin(tmp_path / "last.pt", 0)
    work(stopped, 10)
    stopped.clock.before = 42.0
    stopped.keep()
    again = begin(tmp_path / "last.pt", seed=1)
    assert again.step == 10
    assert again.clock.worked() >= 42.0
    work(again, 10)
    assert torch.equal(again.network.weight, whole.network.weight)
    assert torch.equal(again.average.network.weight, whole.average.network.weight)


def test_a_step_is_no_longer_than_allowed(tmp_path):
    run = begin(tmp_path / "last.pt", 0)
    run.learn(1e6 * run.network(torch.eye(3)).square().sum(), longest=1.0)
    gradients = torch.cat([weight.grad.flatten() for weight in run.network.parameters()])
    assert float(gradients.norm()) == pytest.approx(1.0, abs=1e-4)
