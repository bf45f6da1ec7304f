"""The paper profile's network: a plain convolutional network on 48 x 48 grey faces, four convolutions and two
layers.

The usual shape for FER2013 (Goodfellow et al. 2013): convolution, normalisation, ReLU and pooling four times.
"""

from torch import Tensor, nn

WIDTHS = (32, 64, 128, 256)


class PaperNetwork(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Grey faces [n, 1, 48, 48] in 0..255 -> logits [n, 7]."""

    def __init__(self, *, emotions: int = 7, dropout: float = 0.4) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for width in WIDTHS:
            layers += [
                nn.Conv2d(before, width, 3, padding=1),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            before = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(before * 9, 256),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(256, emotions),
        )

    def forward(self, faces: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(faces.float() / 127.5 - 1))
        return logits
