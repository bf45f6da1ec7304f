"""Fine-tune faceres on several corpora at once: soft labels, a head a convention, averaged weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from training import checkpoints
from training.face.crops import DEFAULT_SIDE
from training.face.first_head import solve_head
from training.face.from_graph import load_graph
from training.face.network import FaceNetwork
from training.face.optimizer import RelativeAdamW
from training.face.sampler import Sampler
from training.face.samples import CONVENTIONS, load_corpus
from training.face.stages import SHARES, Stage, learn_in_stages
from training.hardware import learning_device


@dataclass(frozen=True)
class Plan:
    """What a run needs to know.

    `rate` is relative: the share of a filter's own size that one step may change at the peak. `start` is a
    checkpoint whose averaged weights the run begins with, or a graph that ships.
    """

    folder: Path
    cache: Path
    base: Path
    corpora: tuple[str, ...]
    minutes: float
    stages: tuple[Stage, ...] = (Stage(80, 96, 0.62), Stage(DEFAULT_SIDE, 64, 1.0))
    rate: float = 5e-3
    depth_decay: float = 0.95
    frozen: int = 1
    mixup: float = 0.2
    decay: float = 0.999
    start: Path | None = None
    shares: Mapping[str, float] = field(default_factory=lambda: SHARES)


def build(plan: Plan) -> FaceNetwork:
    """The network with the base's trunk; the first `frozen` blocks, the stem among them, will not learn."""
    network = FaceNetwork(CONVENTIONS)
    state = torch.load(plan.base, weights_only=True)
    wanted = network.trunk.state_dict().keys()
    network.trunk.load_state_dict({name: value for name, value in state.items() if name in wanted})
    for block in network.trunk.layers()[: plan.frozen]:
        for layer in block:
            layer.requires_grad_(requires_grad=False)
    network.to(memory_format=torch.channels_last)
    return network


def optimizer_of(network: FaceNetwork, plan: Plan) -> RelativeAdamW:
    """Filters step relative to their size; rates fall a little from heads to stem; biases do not decay."""
    heads = {"rate": plan.rate, "size": 0.1, "weight_decay": 0.02}
    groups = [
        {**heads, "params": [*network.shared.parameters()]},
        {**heads, "params": [*network.own.parameters()], "weight_decay": 0.05},
        {**heads, "params": [network.places], "size": 0.5},
    ]
    blocks = network.trunk.layers()
    for depth, block in enumerate(blocks[plan.frozen :], plan.frozen):
        rate = plan.rate * plan.depth_decay ** (len(blocks) - 1 - depth)
        weights = [layer.get_parameter("weight") for layer in block]
        biases = [layer.get_parameter("bias") for layer in block]
        groups.append({"params": weights, "rate": rate, "relative": True, "weight_decay": 0.02})
        groups.append({"params": biases, "rate": rate, "size": 0.2})
    return RelativeAdamW(groups)


def learn(plan: Plan) -> None:
    """Run (or go on with) a training run until its minutes are used up.

    Raises:
        FileNotFoundError: there is no checkpoint to start from.
    """
    corpora = {name: load_corpus(name, plan.cache) for name in plan.corpora}
    network = build(plan).to(learning_device())
    last = plan.folder / "last.pt"
    if (start := checkpoints.load(plan.folder / "start.pt")) is not None:
        network.load_state_dict(start["average"])
    elif not last.exists():
        if plan.start is None:
            solve_head(network, corpora)
        elif plan.start.suffix == ".onnx":
            load_graph(network, plan.start)
        elif (start := checkpoints.load(plan.start)) is not None:
            network.load_state_dict(start["average"])
        else:
            raise FileNotFoundError(plan.start)
        checkpoints.save(plan.folder / "start.pt", {"average": network.state_dict()})
    run = checkpoints.Run(last, network, optimizer_of(network, plan), minutes=plan.minutes, decay=plan.decay)
    sampler = Sampler(corpora, plan.shares, seed=1000 + run.step, mixup=plan.mixup)
    learn_in_stages(run, sampler, plan.stages)
