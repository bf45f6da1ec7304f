"""Fine-tune faceres on several corpora at once: soft labels, a head a convention, averaged weights.

A run goes through stages of growing pictures: small ones are quick to learn from, and the last stage sees
them as serving does (progressive resizing; Touvron et al. 2019, "Fixing the train-test resolution
discrepancy").
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training import checkpoints
from training.face.crops import DEFAULT_SIDE, cut
from training.face.first_head import solve_head
from training.face.from_graph import load_graph
from training.face.network import FaceNetwork
from training.face.optimizer import RelativeAdamW
from training.face.sampler import Sampler
from training.face.samples import CONVENTIONS, Corpus, load_corpus, serving_placement

# Share of each corpus in a batch.
SHARES = {"fer2013": 0.60, "rafdb_train": 0.30, "kdef": 0.10}
CHECK_SECONDS = 300


@dataclass(frozen=True)
class Stage:
    """A part of a run: pictures of `side` pixels (a multiple of 16) in batches, up to a share of the time."""

    side: int
    batch: int
    until: float


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

    def stage(self, progress: float) -> Stage:
        """The stage at a progress of 0..1."""
        return next((stage for stage in self.stages if progress < stage.until), self.stages[-1])


def loss_of(logits: dict[str, Tensor], targets: dict[str, Tensor]) -> Tensor:
    """Cross-entropy of the shared head on all, and of each own head on its convention's pictures."""
    losses = []
    for key, values in logits.items():
        weight = targets[key].sum(1)
        each = -(targets[key] * functional.log_softmax(values.float(), 1)).sum(1)
        # FER+ and FER2013 share their pictures: each counts half there.
        scale = 0.5 if key in {"fer2013", "ferplus"} else 1.0
        losses.append(scale * each.sum() / max(float(weight.sum()), 1.0) * float(weight.mean()))
    return torch.stack(losses).sum() / 2


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


def half_precision() -> AbstractContextManager[object]:
    precision: AbstractContextManager[object] = torch.autocast(
        "cuda" if torch.cuda.is_available() else "cpu", torch.bfloat16
    )
    return precision


def logits_on(
    network: FaceNetwork,
    corpus: Corpus,
    indices: np.ndarray,
    *,
    side: int = DEFAULT_SIDE,
) -> dict[str, np.ndarray]:
    """Logits [n, 7] of every head on pictures as serving would crop them."""
    with torch.no_grad():
        found: dict[str, list[np.ndarray]] = {}
        device = next(network.parameters()).device
        for start in range(0, len(indices), 64):
            crops = np.stack(
                [
                    cut(corpus.pictures[i], serving_placement(corpus, i), side)
                    for i in indices[start : start + 64]
                ]
            )
            pictures = torch.from_numpy(crops).permute(0, 3, 1, 2).to(device)
            heads = network(pictures)
            for key, value in heads.items():
                found.setdefault(key, []).append(value.float().cpu().numpy())
        return {key: np.concatenate(values) for key, values in found.items()}


def check(
    network: FaceNetwork, corpora: dict[str, Corpus], limit: int, side: int = DEFAULT_SIDE
) -> dict[str, float]:
    """Accuracy on the parts to choose on, shared head and own heads."""
    network.eval()
    rows: dict[str, float] = {}
    for name, corpus in corpora.items():
        indices = corpus.indices("choose")[:limit]
        logits = logits_on(network, corpus, indices, side=side)
        label = corpus.pack.label[indices]
        rows[f"{name} shared"] = float((logits["shared"].argmax(1) == label).mean())
        if name == "fer2013":
            rows["fer2013 own"] = float((logits["fer2013"].argmax(1) == label).mean())
            majority = corpus.pack.vote_majority()[indices]
            seven = majority >= 0
            rows["ferplus shared"] = float((logits["shared"].argmax(1) == majority)[seven].mean())
            rows["ferplus own"] = float((logits["ferplus"].argmax(1) == majority)[seven].mean())
        elif name == "rafdb_train":
            rows["rafdb own"] = float((logits["rafdb"].argmax(1) == label).mean())
    return rows


def learn(plan: Plan) -> None:
    """Run (or go on with) a training run until its minutes are used up."""
    corpora = {name: load_corpus(name, plan.cache) for name in plan.corpora}
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = build(plan).to(device)
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
        checkpoints.save(plan.folder / "start.pt", {"average": network.state_dict()})
    optimizer = optimizer_of(network, plan)
    run = checkpoints.Run(last, network, optimizer, minutes=plan.minutes, decay=plan.decay)
    sampler = Sampler(corpora, plan.shares, seed=1000 + run.step, mixup=plan.mixup)
    checked = run.clock.worked()

    def report() -> None:
        side = plan.stage(run.clock.progress()).side
        limit = 10_000 if run.clock.progress() >= 1 else 1000
        figures = check(run.average.network, corpora, limit, side)
        line = ", ".join(f"{key} {value:.3f}" for key, value in figures.items())
        print(f"{run.state()} side {side}: {line}", flush=True)

    while (progress := run.clock.progress()) < 1:
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * checkpoints.cosine(progress)
        stage = plan.stage(progress)
        pictures, targets = sampler.batch(stage.side, stage.batch)
        pictures = pictures.to(device).contiguous(memory_format=torch.channels_last)
        network.train()
        with half_precision():
            logits = network(pictures)
        loss = loss_of(logits, {key: value.to(device) for key, value in targets.items()})
        run.learn(loss, longest=5.0)
        if run.clock.worked() - checked > CHECK_SECONDS:
            report()
            checked = run.clock.worked()
    run.keep()
    report()
