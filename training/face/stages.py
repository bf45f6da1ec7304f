"""What every run of the default profile's networks shares: growing pictures, one loss, one way to look at it.

A run goes through stages of growing pictures: small ones are quick to learn from, and the last stage sees
them as serving does (progressive resizing; Touvron et al. 2019, "Fixing the train-test resolution
discrepancy").
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training import checkpoints
from training.face.crops import DEFAULT_SIDE, cut
from training.face.network import FaceNetwork
from training.face.plain_network import PlainNetwork
from training.face.sampler import Sampler
from training.face.samples import Corpus, serving_placement
from training.hardware import half_precision

# Share of each corpus in a batch.
SHARES = {"fer2013": 0.60, "rafdb_train": 0.30, "kdef": 0.10}
CHECK_SECONDS = 300
CHECK_PICTURES = 1000


@dataclass(frozen=True)
class Stage:
    """A part of a run: pictures of `side` pixels (a multiple of 16) in batches, up to a share of the time."""

    side: int
    batch: int
    until: float


def stage_at(stages: tuple[Stage, ...], progress: float) -> Stage:
    """The stage at a progress of 0..1."""
    return next((stage for stage in stages if progress < stage.until), stages[-1])


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


def logits_on(
    network: FaceNetwork | PlainNetwork,
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
    network: FaceNetwork | PlainNetwork,
    corpora: dict[str, Corpus],
    limit: int | None,
    side: int = DEFAULT_SIDE,
) -> dict[str, float]:
    """Accuracy on the parts to choose on (at most `limit` of each), shared head and own heads."""
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


def learn_in_stages(
    run: checkpoints.Run,
    sampler: Sampler,
    stages: tuple[Stage, ...],
    *,
    warm_up: float = 0.02,
) -> None:
    """Run (or go on with) a training run until its minutes are used up.

    Args:
        run: of a `FaceNetwork` or a `PlainNetwork`; each group of its optimizer names its peak `rate`.
        sampler: draws from the corpora.
        stages: sides of the pictures over time.
        warm_up: share of the time in which the rates rise.
    """
    device = next(run.network.parameters()).device
    checked = run.clock.worked()

    def report() -> None:
        done = run.clock.progress() >= 1
        side = stage_at(stages, run.clock.progress()).side
        figures = check(run.average.network, sampler.corpora, None if done else CHECK_PICTURES, side)
        line = ", ".join(f"{key} {value:.3f}" for key, value in figures.items())
        print(f"{run.state()} side {side}: {line}", flush=True)

    while (progress := run.clock.progress()) < 1:
        for group in run.optimizer.param_groups:
            group["lr"] = group["rate"] * checkpoints.cosine(progress, warm_up=warm_up)
        stage = stage_at(stages, progress)
        pictures, targets = sampler.batch(stage.side, stage.batch)
        pictures = pictures.to(device).contiguous(memory_format=torch.channels_last)
        run.network.train()
        with half_precision(device):
            logits = run.network(pictures)
        run.learn(loss_of(logits, {key: value.to(device) for key, value in targets.items()}), longest=5.0)
        if run.clock.worked() - checked > CHECK_SECONDS:
            report()
            checked = run.clock.worked()
    run.keep()
    report()
