"""A network of plain convolutions on 48 x 48 grey faces, learned from nothing but expressions.

It stands beside the trunk that began with identities (`training.face.network`): the two err differently. Each
second convolution adds to what it is given (He et al. 2016, "Deep residual learning for image recognition").
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 48
WIDTHS = (32, 64, 160, 320)
# ITU-R BT.601, as `training.export.face_graph` writes it.
LUMA = (0.299, 0.587, 0.114)
# Of the spread of a picture's light, in 0..1: below it a picture counts as flat.
LEAST_SPREAD = 0.02


def standardised(pictures: Tensor) -> Tensor:
    """Grey pictures of mean 0 and spread 1: [n, 3, S, S] RGB 0..255 -> [n, 1, S, S]."""
    weights = torch.tensor(LUMA, device=pictures.device).reshape(1, 3, 1, 1)
    grey = (pictures.float() * weights).sum(1, keepdim=True) / 255
    centred = grey - grey.mean((2, 3), keepdim=True)
    return centred / (centred.square().mean((2, 3), keepdim=True).sqrt() + LEAST_SPREAD)


class Stage(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Two convolutions, the second beside a shortcut, half the side: [n, in, S, S] to [n, out, S/2, S/2]."""

    def __init__(self, width: int, out: int, *, halved: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, out, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(out)
        self.second = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(out)
        self.halved = halved

    def forward(self, features: Tensor) -> Tensor:
        features = functional.relu(self.first_norm(self.first(features)))
        features = functional.relu(features + self.second_norm(self.second(features)))
        return functional.max_pool2d(features, 2) if self.halved else features


class PlainNetwork(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Faces in, one set of seven logits a labelling convention out, as `training.face.network.FaceNetwork`.

    Input: uint8 or float [n, 3, S, S] RGB, 0..255, S a multiple of 8.
    """

    def __init__(
        self, conventions: Sequence[str], *, widths: Sequence[int] = WIDTHS, dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.conventions = tuple(conventions)
        stages, width = [], 1
        for number, out in enumerate(widths, 1):
            stages.append(Stage(width, out, halved=number < len(widths)))
            width = out
        self.stages = nn.ModuleList(stages)
        self.dropout = nn.Dropout(dropout)
        self.shared = nn.Linear(2 * width, 7)
        self.own = nn.ModuleDict({name: nn.Linear(2 * width, 7) for name in self.conventions})
        for head in self.own.values():
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    @classmethod
    def like(cls, state: Mapping[str, Tensor], conventions: Sequence[str]) -> "PlainNetwork":
        """A network as wide as the one whose weights these are, with the weights."""
        stages = {name.split(".")[1] for name in state if name.startswith("stages.")}
        widths = [len(state[f"stages.{number}.first.weight"]) for number in range(len(stages))]
        network = cls(conventions, widths=widths)
        network.load_state_dict(state)
        return network

    def pooled(self, pictures: Tensor) -> Tensor:
        """The values of each face: mean and maximum of every channel, [n, 2 * the last width]."""
        features = standardised(pictures).contiguous(memory_format=torch.channels_last)
        for stage in self.stages:
            features = stage(features)
        return torch.cat([features.mean((2, 3)), features.amax((2, 3))], 1)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        pooled = self.dropout(self.pooled(pictures))
        common = self.shared(pooled)
        return {"shared": common, **{name: common + head(pooled) for name, head in self.own.items()}}
