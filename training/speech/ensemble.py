"""A small network on the principal directions of frozen features: several seeds, trained side by side."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Recipe:
    """How the ensemble is trained; `whitening` 0 leaves the directions as they are, 1 evens them out."""

    seeds: int = 2
    hidden: int = 256
    dropout: float = 0.5
    whitening: float = 0.5
    decay: float = 1e-2
    rate: float = 3e-3
    batch: int = 256
    epochs: int = 12
    smoothing: float = 0.05


@dataclass(frozen=True)
class Ensemble:
    """logits = gelu(x @ first + first_bias) @ second + second_bias, all seeds' hidden units side by side."""

    first: Floats
    first_bias: Floats
    second: Floats
    second_bias: Floats

    def logits(self, x: npt.NDArray[np.floating]) -> Floats:
        """[clips, directions] to [clips, classes]: the mean of the seeds' logits."""
        with torch.no_grad():
            hidden = functional.gelu(
                torch.from_numpy(np.asarray(x, np.float32)) @ torch.from_numpy(self.first)
                + torch.from_numpy(self.first_bias)
            )
            found = hidden @ torch.from_numpy(self.second) + torch.from_numpy(self.second_bias)
        return np.asarray(found.numpy(), dtype=np.float32)


class _Seeds(nn.Module):  # type: ignore[misc]  # torch is untyped here
    def __init__(self, directions: int, classes: int, recipe: Recipe) -> None:
        super().__init__()
        self.first = nn.Linear(directions, recipe.seeds * recipe.hidden)
        self.second = nn.Parameter(torch.randn(recipe.seeds, recipe.hidden, classes) * recipe.hidden**-0.5)
        self.bias = nn.Parameter(torch.zeros(recipe.seeds, 1, classes))
        self.recipe = recipe

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[batch, directions] to [seeds, batch, classes]."""
        hidden = functional.dropout(functional.gelu(self.first(x)), self.recipe.dropout, self.training)
        return (
            hidden.reshape(len(x), self.recipe.seeds, self.recipe.hidden).transpose(0, 1) @ self.second
            + self.bias
        )


def train(
    x: Floats, labels: npt.NDArray[np.int64], weights: Floats, *, classes: int, recipe: Recipe, seed: int = 0
) -> Ensemble:
    """Train on x [clips, directions] (float32), labels [clips] and weights [clips] of mean 1."""
    torch.manual_seed(seed)
    spread = x.std(axis=0)
    scale = spread**-recipe.whitening
    scale /= float(np.sqrt(np.mean((spread * scale) ** 2)))
    inputs = torch.from_numpy(x * scale)
    targets, shares = torch.from_numpy(labels), torch.from_numpy(weights)
    network = _Seeds(x.shape[1], classes, recipe)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    steps = len(x) // recipe.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps * recipe.epochs)
    for _ in range(recipe.epochs):
        order = torch.randperm(len(x))
        for i in range(steps):
            rows = order[i * recipe.batch : (i + 1) * recipe.batch]
            logits = network(inputs[rows]).reshape(-1, classes)
            entropy = functional.cross_entropy(
                logits, targets[rows].repeat(recipe.seeds), reduction="none", label_smoothing=recipe.smoothing
            )
            loss = (entropy * shares[rows].repeat(recipe.seeds)).mean() * recipe.seeds
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    state = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    return Ensemble(
        first=(state["first.weight"].T * scale[:, None]).astype(np.float32),
        first_bias=state["first.bias"],
        second=(state["second"] / recipe.seeds).reshape(-1, classes),
        second_bias=state["bias"].mean(axis=0)[0],
    )
