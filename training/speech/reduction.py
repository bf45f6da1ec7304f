"""Principal directions of the frozen features.

10,240 values a clip make every solver slow and every head long. Each of the five maps is cut to its strongest
directions. The directions are found without the people that are tested.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from training.speech.network import MAPS

Floats = npt.NDArray[np.float32]
STRONGEST = 256


@dataclass(frozen=True)
class Reduction:
    """For each map: mean [values], basis [values, strongest] with the scale folded in."""

    means: tuple[Floats, ...]
    bases: tuple[Floats, ...]

    def apply(self, features: npt.NDArray[np.floating]) -> Floats:
        """[clips, maps * values] to [clips, maps * strongest]."""
        blocks = np.split(features, MAPS, axis=1)
        parts = [
            (np.asarray(block, dtype=np.float32) - mean) @ basis
            for block, mean, basis in zip(blocks, self.means, self.bases, strict=True)
        ]
        return np.concatenate(parts, axis=1)


@dataclass
class Moments:
    """Sums over clips, added and taken away by group: count, sum and products of each map's values."""

    count: float
    sums: list[torch.Tensor]
    products: list[torch.Tensor]

    @classmethod
    def of(cls, features: npt.NDArray[np.float16]) -> "Moments":
        """Sum over these clips."""
        blocks = [torch.from_numpy(b.astype(np.float32)) for b in np.split(features, MAPS, axis=1)]
        return cls(
            len(features),
            [b.sum(0, dtype=torch.float64) for b in blocks],
            [(b.T @ b).double() for b in blocks],
        )

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            self.count + other.count,
            [a + b for a, b in zip(self.sums, other.sums, strict=True)],
            [a + b for a, b in zip(self.products, other.products, strict=True)],
        )

    def weighing(self, count: float) -> "Moments":
        """The same clips, weighing as much as `count` of them."""
        share = count / self.count
        return Moments(count, [share * s for s in self.sums], [share * p for p in self.products])

    def reduction(self, strongest: int = STRONGEST) -> Reduction:
        """Find the strongest directions of the standardised values, by subspace iteration."""
        means, bases = [], []
        for total, product in zip(self.sums, self.products, strict=True):
            mean = total / self.count
            covariance = product / self.count - torch.outer(mean, mean)
            spread = covariance.diagonal().clamp(min=1e-8).sqrt()
            scale = 1.0 / (spread + 0.02 * spread.mean())
            correlation = (covariance * scale[:, None] * scale[None, :]).float()
            basis = _strongest_directions(correlation, strongest)
            means.append(mean.float().numpy())
            bases.append((scale.float()[:, None] * basis / (len(mean) * MAPS) ** 0.5).numpy())
        return Reduction(tuple(means), tuple(bases))


def _strongest_directions(matrix: torch.Tensor, count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(len(matrix), count + 32, generator=generator)).Q
    for _ in range(6):
        basis = torch.linalg.qr(matrix @ basis).Q
    values, vectors = torch.linalg.eigh(basis.T @ matrix @ basis)
    order = values.argsort(descending=True)[:count]
    return basis @ vectors[:, order]
