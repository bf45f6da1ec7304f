"""Fine-tune faceres on several corpora at once: soft labels, a head a convention, averaged weights."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.corpora.faces import Picture
from training.face import checkpoints
from training.face.augment import augmented, mixed
from training.face.crops import DEFAULT_SIDE, cut
from training.face.first_head import solve_head
from training.face.network import FaceNetwork
from training.face.samples import CONVENTIONS, Corpus, load_corpus, serving_placement

# Share of each corpus in a batch.
SHARES = {"fer2013": 0.50, "rafdb_train": 0.37, "kdef": 0.13}
# How often each way to place a crop is drawn; see `samples`.
WAYS = {"fer2013": (0.5, 0.25, 0.25), "rafdb_train": (0.6, 0.4), "kdef": (1.0,)}
BATCH = 32
# The stem and the first blocks see edges and spots: they stay as they are, which saves time.
FROZEN_BLOCKS = 3
MIXUP = 0.3
CHECK_SECONDS = 480
SAVE_SECONDS = 120


@dataclass(frozen=True)
class Plan:
    """What a run needs to know."""

    folder: Path
    cache: Path
    base: Path
    corpora: tuple[str, ...]
    minutes: float
    rate: float = 2e-4
    depth_decay: float = 0.9


class Sampler:
    """Draws learning batches from several corpora, each in random order until it is through."""

    def __init__(self, corpora: dict[str, Corpus], seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.corpora = corpora
        total = sum(SHARES[name] for name in corpora)
        self.shares = {name: SHARES[name] / total for name in corpora}
        self.queues: dict[str, list[int]] = {name: [] for name in corpora}

    def next_index(self, name: str) -> int:
        if not self.queues[name]:
            self.queues[name] = self.random.permutation(self.corpora[name].indices("train")).tolist()
        return self.queues[name].pop()

    def crop(self, name: str, index: int) -> Picture:
        corpus = self.corpora[name]
        present = np.isfinite(corpus.placements[index, :, 0, 0])
        chances = np.array(WAYS[name]) * present
        way = self.random.choice(len(chances), p=chances / chances.sum())
        return augmented(corpus.pictures[index], corpus.placements[index, way], DEFAULT_SIDE, self.random)

    def batch(self) -> tuple[Tensor, dict[str, Tensor]]:
        """Pictures float [n, 3, 112, 112]; targets [n, 7] for "shared" and each convention (zeros: none)."""
        names = self.random.choice(list(self.shares), BATCH, p=list(self.shares.values()))
        crops = np.empty((BATCH, DEFAULT_SIDE, DEFAULT_SIDE, 3), np.uint8)
        targets = {key: np.zeros((BATCH, 7), np.float32) for key in ("shared", *CONVENTIONS)}
        for place, name in enumerate(names):
            index = self.next_index(str(name))
            crops[place] = self.crop(str(name), index)
            for key, values in self.corpora[str(name)].targets.items():
                targets[key][place] = values[index]
        pictures = crops.astype(np.float32)
        if self.random.random() < MIXUP:
            pictures, order, share = mixed(pictures, self.random, 0.4)
            targets = {key: share * values + (1 - share) * values[order] for key, values in targets.items()}
        tensors = {key: torch.from_numpy(values.astype(np.float32)) for key, values in targets.items()}
        return torch.from_numpy(pictures).permute(0, 3, 1, 2), tensors


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
    network = FaceNetwork(CONVENTIONS)
    state = torch.load(plan.base, weights_only=True)
    wanted = network.trunk.state_dict().keys()
    network.trunk.load_state_dict({name: value for name, value in state.items() if name in wanted})
    for block in network.trunk.layers()[:FROZEN_BLOCKS]:
        for layer in block:
            layer.requires_grad_(requires_grad=False)
    network.to(memory_format=torch.channels_last)
    return network


def optimizer_of(network: FaceNetwork, plan: Plan) -> torch.optim.AdamW:
    """Rates fall from the heads to the stem; biases do not decay; the conventions' heads decay strongly."""
    groups = [
        {
            "params": [*network.shared.parameters(), network.places],
            "rate": plan.rate * 4,
            "weight_decay": 0.01,
        },
        {"params": [*network.own.parameters()], "rate": plan.rate * 4, "weight_decay": 0.05},
    ]
    blocks = network.trunk.layers()
    for depth, block in enumerate(blocks[FROZEN_BLOCKS:], FROZEN_BLOCKS):
        rate = plan.rate * plan.depth_decay ** (len(blocks) - 1 - depth)
        weights = [layer.get_parameter("weight") for layer in block]
        biases = [layer.get_parameter("bias") for layer in block]
        groups.append({"params": weights, "rate": rate, "weight_decay": 0.02})
        groups.append({"params": biases, "rate": rate, "weight_decay": 0.0})
    return torch.optim.AdamW([{**group, "lr": group["rate"]} for group in groups], betas=(0.9, 0.98))


def half_precision() -> AbstractContextManager[object]:
    precision: AbstractContextManager[object] = torch.autocast(
        "cuda" if torch.cuda.is_available() else "cpu", torch.bfloat16
    )
    return precision


def logits_on(
    network: FaceNetwork, corpus: Corpus, indices: np.ndarray, *, flip: bool = False
) -> dict[str, np.ndarray]:
    """Logits [n, 7] of every head on pictures as serving would crop them; `flip` adds the mirror image's."""
    with torch.no_grad():
        found: dict[str, list[np.ndarray]] = {}
        device = next(network.parameters()).device
        for start in range(0, len(indices), 64):
            crops = np.stack(
                [
                    cut(corpus.pictures[i], serving_placement(corpus, i), DEFAULT_SIDE)
                    for i in indices[start : start + 64]
                ]
            )
            pictures = torch.from_numpy(crops).permute(0, 3, 1, 2).to(device)
            heads = network(pictures)
            if flip:
                mirrored = network(pictures.flip(3))
                heads = {key: (value + mirrored[key]) / 2 for key, value in heads.items()}
            for key, value in heads.items():
                found.setdefault(key, []).append(value.float().cpu().numpy())
        return {key: np.concatenate(values) for key, values in found.items()}


def check(network: FaceNetwork, corpora: dict[str, Corpus], limit: int) -> dict[str, float]:
    """Accuracy on the parts to choose on, shared head and own heads."""
    network.eval()
    rows: dict[str, float] = {}
    for name, corpus in corpora.items():
        indices = corpus.indices("choose")[:limit]
        logits = logits_on(network, corpus, indices)
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
    step, last = 0, plan.folder / "last.pt"
    state = checkpoints.load(last)
    if (start := checkpoints.load(plan.folder / "start.pt")) is not None:
        network.load_state_dict(start["average"])
    elif state is None:
        solve_head(network, corpora)
        checkpoints.save(plan.folder / "start.pt", {"average": network.state_dict()})
    optimizer = optimizer_of(network, plan)
    average = checkpoints.Average(network, 0.9985)
    clock = checkpoints.Clock(plan.minutes)
    if state is not None:
        network.load_state_dict(state["network"])
        average.network.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step, clock.before = state["step"], state["worked"]
    sampler = Sampler(corpora, seed=1000 + step)
    checked = saved = clock.worked()
    losses: list[float] = []

    def keep() -> None:
        state = {"network": network.state_dict(), "average": average.network.state_dict()}
        state |= {"optimizer": optimizer.state_dict(), "step": step, "worked": clock.worked()}
        checkpoints.save(last, state)

    def report() -> None:
        figures = check(average.network, corpora, 10_000 if clock.progress() >= 1 else 1000)
        line = ", ".join(f"{key} {value:.3f}" for key, value in figures.items())
        print(
            f"{clock.worked() / 60:.1f} min step {step} loss {np.mean(losses[-200:]):.3f}: {line}", flush=True
        )

    while clock.progress() < 1:
        progress = clock.progress()
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * checkpoints.cosine(progress)
        pictures, targets = sampler.batch()
        pictures = pictures.to(device).contiguous(memory_format=torch.channels_last)
        network.train()
        with half_precision():
            logits = network(pictures)
        loss = loss_of(logits, {key: value.to(device) for key, value in targets.items()})
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        step += 1
        average.follow(network, step)
        losses.append(float(loss.detach()))
        if clock.worked() - saved > SAVE_SECONDS:
            keep()
            saved = clock.worked()
        if clock.worked() - checked > CHECK_SECONDS:
            report()
            checked = clock.worked()
    keep()
    report()
