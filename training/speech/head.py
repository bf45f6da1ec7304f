"""Linear heads on frozen features, solved with L-BFGS to the end."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LinearHead:
    """logits = features @ weight + bias; weight [features, classes]."""

    weight: Floats
    bias: Floats

    def logits(self, features: npt.NDArray[np.floating]) -> Floats:
        """[clips, features] to [clips, classes]."""
        return np.asarray(features, dtype=np.float32) @ self.weight + self.bias


def solve(
    features: Floats,
    labels: npt.NDArray[np.int64],
    *,
    allowed: npt.NDArray[np.bool_],
    weights: Floats,
    strength: float,
    iterations: int = 150,
) -> tuple[Floats, Floats]:
    """Minimise the weighted cross-entropy plus |W|^2 / (2 strength sum(weights)).

    Args:
        features: scaled, [clips, features].
        labels: [clips], 0..classes-1.
        allowed: [clips, classes]: which classes the softmax of a clip runs over (its corpus' labels).
        weights: [clips].
        strength: inverse of the regularisation, as scikit-learn's C for a mean weight of 1.
        iterations: at most.

    Returns:
        weight [features, classes] and bias [classes].
    """
    x = torch.from_numpy(features)
    target = torch.from_numpy(labels)
    blocked = torch.where(torch.from_numpy(allowed), 0.0, -1e4)
    share = torch.from_numpy(weights / weights.sum())
    weight = torch.zeros(features.shape[1], allowed.shape[1], requires_grad=True)
    bias = torch.zeros(allowed.shape[1], requires_grad=True)
    penalty = 0.5 / (strength * len(features))
    optimiser = torch.optim.LBFGS(
        [weight, bias],
        max_iter=iterations,
        history_size=20,
        line_search_fn="strong_wolfe",
        tolerance_change=1e-7,
    )

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        logits = x @ weight + bias + blocked
        entropy = torch.nn.functional.cross_entropy(logits, target, reduction="none")
        value = (entropy * share).sum() + penalty * (weight**2).sum()
        value.backward()
        return value

    optimiser.step(loss)
    return weight.detach().numpy(), bias.detach().numpy()


def balanced_weights(
    corpus: npt.NDArray[np.str_], labels: npt.NDArray[np.int64], *, power: float = 0.5
) -> Floats:
    """Weight each label of a corpus the same, and a corpus as its size to `power`; mean 1."""
    weights = np.zeros(len(labels), dtype=np.float64)
    for name in np.unique(corpus):
        rows = corpus == name
        present = np.unique(labels[rows])
        for label in present:
            chosen = rows & (labels == label)
            weights[chosen] = rows.sum() ** power / (len(present) * chosen.sum())
    return np.asarray(weights / weights.mean(), dtype=np.float32)
