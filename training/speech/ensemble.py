"""A small network on the principal directions of frozen features: several seeds, trained side by side.

There are few speakers, so each step hides directions by chance (Srivastava et al. 2014), mixes pairs of clips
(mixup, Zhang et al. 2018) and gives some clips the voice of another speaker.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from training.hardware import half_precision, learning_device

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Recipe:
    """How the ensemble is trained; `whitening` 0 leaves the directions as they are, 1 evens them out.

    `hidden_away` is the share of directions that a step hides from each clip, `mixing` the parameter of
    mixup's beta distribution, `swapping` the share of clips that get another voice. `heard` is how much of a
    target is what listeners named, where they were asked; the rest is what the actor meant.
    """

    seeds: int = 5
    hidden: int = 256
    dropout: float = 0.5
    hidden_away: float = 0.4
    mixing: float = 0.3
    swapping: float = 1.0
    whitening: float = 0.5
    decay: float = 1e-2
    rate: float = 3e-3
    batch: int = 256
    epochs: int = 20
    smoothing: float = 0.05
    heard: float = 0.5


@dataclass(frozen=True)
class Voices:
    """What is a speaker's own in the directions, to be changed for that of another speaker of the corpus.

    `own` is [speakers, directions], speakers of one corpus side by side; `speaker` [clips] is a row of it.
    The other speakers of the corpus are the rows `first[s]` to `first[s] + count[s] - 1`.
    """

    own: Floats
    speaker: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls,
        x: Floats,
        labels: npt.NDArray[np.int64],
        corpus: npt.NDArray[np.str_],
        speaker: npt.NDArray[np.str_],
    ) -> "Voices":
        """Find them in x [clips, directions]: how far each lies from the corpus' clips of the same label."""
        names = np.char.add(np.char.add(corpus, "/"), speaker)
        keys, found_at, number = np.unique(names, return_index=True, return_inverse=True)
        corpora = corpus[found_at]
        own = np.zeros((len(keys), x.shape[1]), dtype=np.float32)
        for name in np.unique(corpora):
            for label in np.unique(labels[corpus == name]):
                alike = (corpus == name) & (labels == label)
                usual = x[alike].mean(axis=0)
                for s in np.unique(number[alike]):
                    own[s] += x[alike & (number == s)].mean(axis=0) - usual
        own /= np.array([len(np.unique(labels[number == s])) for s in range(len(keys))])[:, None]
        _, first, place, count = np.unique(
            corpora, return_index=True, return_inverse=True, return_counts=True
        )
        return cls(own, number.astype(np.int64), first[place], count[place])


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
    x: Floats,
    targets: Floats,
    weights: Floats,
    *,
    recipe: Recipe,
    voices: Voices | None = None,
    seed: int = 0,
) -> Ensemble:
    """Train on x [clips, directions] (float32), targets [clips, classes] and weights [clips] of mean 1.

    Each row of the targets sums to 1. Without `voices` no clip gets another voice.
    """
    torch.manual_seed(seed)
    spread = x.std(axis=0)
    scale = spread**-recipe.whitening
    scale /= float(np.sqrt(np.mean((spread * scale) ** 2)))
    classes = targets.shape[1]
    smooth = ((1 - recipe.smoothing) * targets + recipe.smoothing / classes).astype(np.float32)
    # What is drawn and made without saying where is there too.
    with learning_device():
        network = _learned((x * scale, smooth, weights), voices=voices, scale=scale, recipe=recipe)
    state = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    return Ensemble(
        first=(state["first.weight"].T * scale[:, None]).astype(np.float32),
        first_bias=state["first.bias"],
        second=(state["second"] / recipe.seeds).reshape(-1, classes),
        second_bias=state["bias"].mean(axis=0)[0],
    )


def _learned(
    clips: tuple[Floats, Floats, Floats], *, voices: Voices | None, scale: Floats, recipe: Recipe
) -> _Seeds:
    device = torch.get_default_device()
    inputs, smooth, shares = (torch.from_numpy(part).to(device) for part in clips)
    swap = None if voices is None else _Swap(voices, scale, recipe.swapping)
    network = _Seeds(inputs.shape[1], smooth.shape[1], recipe)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay, fused=True)
    steps = len(inputs) // recipe.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps * recipe.epochs)
    for _ in range(recipe.epochs):
        order = torch.randperm(len(inputs))
        for i in range(steps):
            rows = order[i * recipe.batch : (i + 1) * recipe.batch]
            batch = inputs[rows] if swap is None else swap(inputs[rows], rows)
            batch = functional.dropout(batch, recipe.hidden_away)
            batch, target, share = mix_pairs(batch, smooth[rows], shares[rows], recipe.mixing)
            with half_precision(device):
                logits = network(batch)
            entropy = -(functional.log_softmax(logits.float(), dim=-1) * target).sum(dim=-1)
            loss = (entropy * share).mean() * recipe.seeds
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network


class _Swap:
    """Gives a share of the clips, by chance, part or all of the difference to another speaker's voice."""

    def __init__(self, voices: Voices, scale: Floats, share: float) -> None:
        device = torch.get_default_device()
        self._own = torch.from_numpy(voices.own * scale).to(device)
        self._speaker, self._first, self._count = (
            torch.from_numpy(numbers).to(device) for numbers in (voices.speaker, voices.first, voices.count)
        )
        self._share = share

    def __call__(self, x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        speaker = self._speaker[rows]
        other = self._first[speaker] + (torch.rand(len(x)) * self._count[speaker]).long()
        amount = torch.rand(len(x)) * (torch.rand(len(x)) < self._share)
        return x + amount[:, None] * (self._own[other] - self._own[speaker])


def mix_pairs(
    x: torch.Tensor, targets: torch.Tensor, shares: torch.Tensor, parameter: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mix each clip with another of the batch: `x` [n, directions], `targets` [n, classes], `shares` [n].

    The larger part stays its own; a parameter of 0 mixes nothing.
    """
    if not parameter:
        return x, targets, shares
    part = torch.distributions.Beta(parameter, parameter).sample((len(x),))
    part = torch.maximum(part, 1 - part)
    other = torch.randperm(len(x))
    mixed = part * shares + (1 - part) * shares[other]
    part = part[:, None]
    return part * x + (1 - part) * x[other], part * targets + (1 - part) * targets[other], mixed
