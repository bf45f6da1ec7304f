"""The default face network: the first eleven blocks of faceres (MobileNetV1) with expression heads.

MobileNetV1: Howard et al. 2017, "MobileNets". The weights to start from: `training.third_party.faceres`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

MEANS_BGR = (103.939, 116.779, 123.68)
# Output channels and stride of each depthwise-separable block of MobileNetV1.
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
)


class Trunk(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """MobileNetV1 up to block 11, batch norms folded: [n, 3, S, S] BGR minus means -> [n, 512, S/16, S/16].

    S must be a multiple of 16.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, stride=2)
        self.strides = [stride for _, stride in BLOCKS]
        width = 32
        for number, (out, _) in enumerate(BLOCKS, 1):
            setattr(self, f"conv_dw_{number}", nn.Conv2d(width, width, 3, padding=1, groups=width))
            setattr(self, f"conv_pw_{number}", nn.Conv2d(width, out, 1))
            width = out

    def layers(self) -> list[list[nn.Module]]:
        """The layers from the input to the output, one list a block."""
        blocks = [
            [getattr(self, f"conv_{kind}_{n}") for kind in ("dw", "pw")] for n in range(1, len(BLOCKS) + 1)
        ]
        return [[self.conv1], *blocks]

    def forward(self, pictures: Tensor) -> Tensor:
        return self.blocks(pictures, len(self.strides))[-1]

    def blocks(self, pictures: Tensor, last: int) -> list[Tensor]:
        """What each block gives, from the stem (0) to block `last`."""
        features = functional.relu6(self.conv1(functional.pad(pictures, (0, 1, 0, 1))), inplace=True)
        found = [features]
        for number, stride in enumerate(self.strides[:last], 1):
            features = getattr(self, f"conv_dw_{number}")(features)
            if stride == 2:
                # TensorFlow's SAME at stride 2 gives the odd places of stride 1. Learning is much quicker so:
                # the backward pass of a depthwise convolution with a stride has no fast kernel on CPUs.
                features = features[:, :, 1::2, 1::2]
            features = functional.relu6(features, inplace=stride == 1)
            features = functional.relu6(getattr(self, f"conv_pw_{number}")(features), inplace=True)
            found.append(features)
        return found


class FaceNetwork(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Faces in, one set of seven logits a labelling convention out.

    `conventions` names the corpora whose annotators label differently. All share the trunk, the pooling and
    the head `shared`; each adds a small head of its own, `shared + own[k]`, so that what is common is learned
    in common. Input: uint8 or float [n, 3, S, S] RGB, 0..255.
    """

    def __init__(self, conventions: Sequence[str], *, emotions: int = 7, dropout: float = 0.1) -> None:
        super().__init__()
        self.conventions = tuple(conventions)
        self.trunk = Trunk()
        # Where in the face each channel looks: starts as the plain mean over the 7 x 7 map.
        self.places = nn.Parameter(torch.zeros(512, 7, 7))
        self.dropout = nn.Dropout(dropout)
        self.shared = nn.Linear(1024, emotions)
        self.own = nn.ModuleDict({name: nn.Linear(1024, emotions) for name in self.conventions})
        for head in self.own.values():
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        self.register_buffer("means", torch.tensor(MEANS_BGR).reshape(1, 3, 1, 1))

    def pooled(self, pictures: Tensor) -> Tensor:
        """The 1,024 values of each face: mean over places, and mean weighted by learned places."""
        features = self.trunk(pictures.float().flip(1) - self.means)
        size = features.shape[-2:]
        places = self.places
        if size != places.shape[-2:]:
            places = functional.interpolate(places[None], size=size, mode="bilinear", align_corners=False)[0]
        weights = places.flatten(1).softmax(1).reshape(places.shape)
        return torch.cat([features.mean((2, 3)), (features * weights).sum((2, 3))], 1)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        pooled = self.dropout(self.pooled(pictures))
        common = self.shared(pooled)
        return {"shared": common, **{name: common + head(pooled) for name, head in self.own.items()}}
