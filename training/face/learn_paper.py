"""Train the paper's network on FER2013 Training with its own hard labels, as the method gives it."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from training import checkpoints
from training.corpora.faces import read_pack
from training.face.paper_network import PaperNetwork
from training.face.samples import fer2013_parts
from training.hardware import half_precision, learning_device

BATCH = 128
CHECK_STEPS = 1000


@dataclass(frozen=True)
class Plan:
    """What a run needs to know."""

    folder: Path
    minutes: float
    rate: float = 2e-3


def grey_pictures(part: str) -> tuple[Tensor, npt.NDArray[np.int64]]:
    """One part of FER2013: pictures uint8 [n, 1, 48, 48] and labels [n]."""
    pack = read_pack("fer2013")
    indices = np.flatnonzero(fer2013_parts(pack) == part)
    pictures = np.stack([pack.picture(int(index))[:, :, 0] for index in indices])
    return torch.from_numpy(pictures)[:, None], pack.label[indices]


def changed(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Mirror, turn, scale and shift a batch, and change its light: float [n, 1, 48, 48] in 0..255.

    The generator is one of the device that the pictures are on.
    """
    count, drawn = len(pictures), {"generator": random, "device": pictures.device}
    angle = torch.randn(count, **drawn) * 0.12
    scale = torch.exp(torch.randn(count, **drawn) * 0.08)
    mirror = torch.where(torch.rand(count, **drawn) < 0.5, -1.0, 1.0)
    shift = torch.randn(count, 2, **drawn) * 0.07
    first = torch.stack([scale * mirror * angle.cos(), -scale * angle.sin(), shift[:, 0]], 1)
    second = torch.stack([scale * mirror * angle.sin(), scale * angle.cos(), shift[:, 1]], 1)
    grid = functional.affine_grid(torch.stack([first, second], 1), list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures.float(), grid, padding_mode="border", align_corners=False)
    gain = torch.exp(torch.randn(count, 1, 1, 1, **drawn) * 0.15)
    lift = torch.randn(count, 1, 1, 1, **drawn) * 12
    return (moved * gain + lift).clamp(0, 255)


def logits_of(network: PaperNetwork, pictures: Tensor) -> npt.NDArray[np.float32]:
    """Logits [n, 7] of grey pictures [n, 1, 48, 48]."""
    with torch.no_grad():
        network.eval()
        return np.concatenate([network(some).float().cpu().numpy() for some in pictures.split(256)])


def learn(plan: Plan) -> None:
    """Run (or go on with) a training run until its minutes are used up."""
    device = learning_device()
    pictures, labels = grey_pictures("train")
    chosen, answers = grey_pictures("choose")
    pictures, chosen, targets = pictures.to(device), chosen.to(device), torch.from_numpy(labels).to(device)
    network = PaperNetwork().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=0.02)
    run = checkpoints.Run(
        plan.folder / "last.pt",
        network,
        optimizer,
        minutes=plan.minutes,
        decay=0.999,
    )
    random = torch.Generator(device).manual_seed(2000 + run.step)
    order = torch.randperm(len(targets), generator=random, device=device)
    place = 0

    def report() -> None:
        right = float((logits_of(run.average.network, chosen).argmax(1) == answers).mean())
        print(f"{run.state()}: PublicTest {right:.4f}", flush=True)

    while run.clock.progress() < 1:
        for group in optimizer.param_groups:
            group["lr"] = plan.rate * checkpoints.cosine(run.clock.progress())
        if place + BATCH > len(order):
            order, place = torch.randperm(len(targets), generator=random, device=device), 0
        batch = order[place : place + BATCH]
        place += BATCH
        network.train()
        with half_precision(device):
            logits = network(changed(pictures[batch], random).contiguous(memory_format=torch.channels_last))
        loss = functional.cross_entropy(logits.float(), targets[batch], label_smoothing=0.05)
        run.learn(loss, longest=math.inf)
        if run.step % CHECK_STEPS == 0:
            report()
    run.keep()
    report()
