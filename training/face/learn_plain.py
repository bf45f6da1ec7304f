"""Learn the network of plain convolutions from several corpora at once, from random or earlier weights.

As `training.face.learn_default`: soft labels, a head a convention, growing pictures, averaged weights; if
wanted, the answers of networks that were trained before (`training.face.teacher`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from training import checkpoints
from training.face.plain_network import SIDE, WIDTHS, PlainNetwork
from training.face.sampler import Sampler
from training.face.samples import CONVENTIONS, Corpus, Targets, load_corpus
from training.face.stages import SHARES, Stage, learn_in_stages
from training.face.teacher import read_answers
from training.hardware import learning_device


@dataclass(frozen=True)
class Plan:
    """What a run needs to know.

    `rate` is that of SGD with Nesterov's momentum; `taught` how much a teacher's answers count in the
    targets, 0..1; `start` the checkpoint whose averaged weights the run begins with.
    """

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
    taught: float = 0.0
    start: Path | None = None
    seed: int = 0
    widths: tuple[int, ...] = WIDTHS


def optimizer_of(network: PlainNetwork, plan: Plan) -> torch.optim.SGD:
    """Kernels and heads decay; norms and biases do not."""
    weights = [weight for weight in network.parameters() if weight.ndim > 1]
    others = [weight for weight in network.parameters() if weight.ndim == 1]
    groups = [
        {"params": weights, "rate": plan.rate, "weight_decay": plan.weight_decay},
        {"params": others, "rate": plan.rate, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=plan.rate, momentum=0.9, nesterov=True)


def taught_by(corpus: Corpus, answers: Mapping[str, Targets], share: float) -> Corpus:
    """A corpus whose targets are, by `share`, a teacher's answers.

    A convention that did not label the corpus has the teacher's answers alone, counting by `share`.
    """
    targets = {
        name: share * given + (1 - share) * corpus.targets.get(name, np.zeros_like(given))
        for name, given in answers.items()
    }
    return replace(corpus, targets=targets)


def learn(plan: Plan) -> None:
    """Run (or go on with) a training run until its minutes are used up.

    Raises:
        FileNotFoundError: there is no checkpoint to start from, or a corpus on which no teacher has answered.
    """
    corpora = {name: load_corpus(name, plan.cache) for name in plan.corpora}
    if plan.taught:
        corpora = {
            name: taught_by(corpus, read_answers(plan.cache, name), plan.taught)
            for name, corpus in corpora.items()
        }
    network = PlainNetwork(CONVENTIONS, widths=plan.widths)
    network.to(learning_device(), memory_format=torch.channels_last)
    if plan.start is not None:
        if (start := checkpoints.load(plan.start)) is None:
            raise FileNotFoundError(plan.start)
        network.load_state_dict(start["average"])
    run = checkpoints.Run(
        plan.folder / "last.pt",
        network,
        optimizer_of(network, plan),
        minutes=plan.minutes,
        decay=plan.decay,
    )
    sampler = Sampler(corpora, plan.shares, seed=2000 + 1_000_000 * plan.seed + run.step, mixup=plan.mixup)
    learn_in_stages(run, sampler, plan.stages, warm_up=0.03)
