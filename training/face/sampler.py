"""Draws learning batches from several corpora, in the given shares, at the side that a stage asks for."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from training.corpora.faces import Picture
from training.face.augment import augmented, mixed
from training.face.samples import CONVENTIONS, Corpus

# How often each way to place a crop is drawn; see `samples`.
WAYS = {"fer2013": (0.5, 0.25, 0.25), "rafdb_train": (0.6, 0.4), "kdef": (1.0,)}
MIXUP_STRENGTH = 0.4
# How often crops are spoiled, against `augment`'s usual. FER2013's pictures are many, small and bad already:
# with the usual changes the network did no better on those it learned from than on others.
SPOILED = {"fer2013": 0.4, "rafdb_train": 1.0, "kdef": 1.0}


class Sampler:
    """Batches of changed crops with their targets; each corpus in random order until it is through.

    `shares` gives each corpus its part of a batch; `mixup` is the share of batches that are blended.
    """

    def __init__(
        self, corpora: dict[str, Corpus], shares: Mapping[str, float], seed: int, *, mixup: float = 0.3
    ) -> None:
        self.random = np.random.default_rng(seed)
        self.corpora = corpora
        total = sum(shares[name] for name in corpora)
        self.shares = {name: shares[name] / total for name in corpora}
        self.queues: dict[str, list[int]] = {name: [] for name in corpora}
        self.mixup = mixup

    def next_index(self, name: str) -> int:
        """The next picture of a corpus."""
        if not self.queues[name]:
            self.queues[name] = self.random.permutation(self.corpora[name].indices("train")).tolist()
        return self.queues[name].pop()

    def crop(self, name: str, index: int, side: int) -> Picture:
        """A changed crop of a picture, placed in one of its ways."""
        corpus = self.corpora[name]
        present = np.isfinite(corpus.placements[index, :, 0, 0])
        chances = np.array(WAYS[name]) * present
        way = self.random.choice(len(chances), p=chances / chances.sum())
        picture, placement = corpus.pictures[index], corpus.placements[index, way]
        return augmented(picture, placement, side, self.random, often=SPOILED[name])

    def batch(self, side: int, size: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Pictures float [n, 3, S, S], 0..255; targets [n, 7] for each head (zeros: none)."""
        names = self.random.choice(list(self.shares), size, p=list(self.shares.values()))
        crops = np.empty((size, side, side, 3), np.uint8)
        targets = {key: np.zeros((size, 7), np.float32) for key in ("shared", *CONVENTIONS)}
        for place, name in enumerate(names):
            index = self.next_index(str(name))
            crops[place] = self.crop(str(name), index, side)
            for key, values in self.corpora[str(name)].targets.items():
                targets[key][place] = values[index]
        pictures = crops.astype(np.float32)
        if self.random.random() < self.mixup:
            pictures, order, share = mixed(pictures, self.random, MIXUP_STRENGTH)
            targets = {key: share * values + (1 - share) * values[order] for key, values in targets.items()}
        tensors = {key: torch.from_numpy(values.astype(np.float32)) for key, values in targets.items()}
        return torch.from_numpy(pictures).permute(0, 3, 1, 2), tensors
