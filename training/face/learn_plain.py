"""Learn the network of plain convolutions from several corpora at once, from random weights.

As `training.face.learn_default`: soft labels, a head a convention, growing pictures, averaged weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from training import checkpoints
from training.face.plain_network import SIDE, PlainNetwork
from training.face.sampler import Sampler
from training.face.samples import CONVENTIONS, load_corpus
from training.face.stages import SHARES, Stage, learn_in_stages


@dataclass(frozen=True)
class Plan:
    """What a run needs to know; `rate` is that of SGD with Nesterov's momentum."""

    folder: Path
    cache: Path
    corpora: tuple[str, ...]
    minutes: float
    stages: tuple[Stage, ...] = (Stage(32, 128, 0.3), Stage(40, 128, 0.6), Stage(SIDE, 128, 1.0))
    rate: float = 0.1
    weight_decay: float = 5e-4
    mixup: float = 0.3
    decay: float = 0.999
    shares: Mapping[str, float] = field(default_factory=lambda: SHARES)


def optimizer_of(network: PlainNetwork, plan: Plan) -> torch.optim.SGD:
    """Kernels and heads decay; norms and biases do not."""
    weights = [weight for weight in network.parameters() if weight.ndim > 1]
    others = [weight for weight in network.parameters() if weight.ndim == 1]
    groups = [
        {"params": weights, "rate": plan.rate, "weight_decay": plan.weight_decay},
        {"params": others, "rate": plan.rate, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=plan.rate, momentum=0.9, nesterov=True)


def learn(plan: Plan) -> None:
    """Run (or go on with) a training run until its minutes are used up."""
    corpora = {name: load_corpus(name, plan.cache) for name in plan.corpora}
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = PlainNetwork(CONVENTIONS).to(device, memory_format=torch.channels_last)
    run = checkpoints.Run(
        plan.folder / "last.pt",
        network,
        optimizer_of(network, plan),
        minutes=plan.minutes,
        decay=plan.decay,
    )
    sampler = Sampler(corpora, plan.shares, seed=2000 + run.step, mixup=plan.mixup)
    learn_in_stages(run, sampler, plan.stages, warm_up=0.03)
