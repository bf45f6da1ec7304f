"""What the `default` network reads a voice with beside Whisper: CAM++, which learned to tell speakers apart.

Wang et al. 2023, "CAM++: A Fast and Efficient Network for Speaker Verification Using Context-Aware Masking"
(arXiv 2303.00332). Modules bear the names of the published tensors.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from training.speech.network import HOP, MAPS, WINDOW, statistics

WIDTH = 512
BANDS = 80
TURN = 512
LOWEST, HIGHEST = 20.0, 8000.0
PREEMPHASIS = 0.97
# The loudest sample is put here, of 32,768.
LOUDEST = 16_384.0
GROWTH, NARROW = 32, 128
# Frames of 20 ms whose mean a layer sees beside that of the whole sound.
SEGMENT = 100

Floats = npt.NDArray[np.floating]


def filter_bank(*, rate: int = 16_000) -> Floats:
    """Kaldi's triangles on the mel scale 1127 ln(1 + f / 700): [bins, bands], bins of 31.25 Hz from 0."""

    def mel(frequency: Floats) -> Floats:
        return np.asarray(1127.0 * np.log1p(frequency / 700.0))

    lowest, highest = mel(np.array([LOWEST, HIGHEST]))
    corners = np.linspace(float(lowest), float(highest), BANDS + 2)
    places = mel(np.arange(TURN // 2 + 1) * rate / TURN)[:, None]
    rising = (places - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - places) / (corners[2:] - corners[1:-1])
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None), dtype=np.float32)


def povey(samples: int) -> Floats:
    """Kaldi's usual window."""
    return np.asarray(np.hanning(samples) ** 0.85)


def fourier_basis() -> Floats:
    """Mean off, pre-emphasis, window and Fourier transform in one: [2 * bins, 1, window]."""
    phase = 2.0 * np.pi * np.outer(np.arange(TURN // 2 + 1), np.arange(WINDOW)) / TURN
    waves = np.concatenate([np.cos(phase), np.sin(phase)]) * povey(WINDOW)
    before = np.pad(waves, ((0, 0), (0, 1)))[:, 1:]
    emphasised = waves - PREEMPHASIS * before
    # The sample before a frame's first counts as that one.
    emphasised[:, 0] -= PREEMPHASIS * waves[:, 0]
    return np.asarray(emphasised - emphasised.mean(axis=1, keepdims=True), dtype=np.float32)[:, None]


class FilterBanks(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Kaldi's log filter banks, each band's mean over time off: sound [n, samples] to [n, frames, 80].

    Frames of 25 ms every 10 ms. The level of a recording says nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("basis", torch.from_numpy(fourier_basis()))
        self.register_buffer("filters", torch.from_numpy(filter_bank()))

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """Give the filter banks."""
        loudest = sound.abs().amax(dim=1, keepdim=True).clamp(min=1e-4)
        spectrum = functional.conv1d((sound / loudest * LOUDEST)[:, None], self.basis, stride=HOP)
        real, imaginary = spectrum.transpose(1, 2).split(TURN // 2 + 1, dim=2)
        power = (real**2 + imaginary**2) @ self.filters
        banks = torch.log(torch.clamp(power, min=float(np.finfo(np.float32).eps)))
        return banks - banks.mean(dim=1, keepdim=True)


class Residual(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Two convolutions over bands and time beside a shortcut."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(GROWTH, GROWTH, 3, (stride, 1), 1, bias=False)
        self.bn1 = nn.BatchNorm2d(GROWTH)
        self.conv2 = nn.Conv2d(GROWTH, GROWTH, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(GROWTH)
        self.shortcut = nn.Sequential()
        if stride > 1:
            around = nn.Conv2d(GROWTH, GROWTH, 1, (stride, 1), bias=False)
            self.shortcut = nn.Sequential(around, nn.BatchNorm2d(GROWTH))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, 32, bands, frames] to [n, 32, bands / stride, frames]."""
        inside = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(inside + self.shortcut(x))


class Front(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Convolutions over bands and time: [n, frames, 80] to [n, 320, frames]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, GROWTH, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(GROWTH)
        self.layer1 = nn.Sequential(Residual(2), Residual(1))
        self.layer2 = nn.Sequential(Residual(2), Residual(1))
        self.conv2 = nn.Conv2d(GROWTH, GROWTH, 3, (2, 1), 1, bias=False)
        self.bn2 = nn.BatchNorm2d(GROWTH)

    def forward(self, banks: torch.Tensor) -> torch.Tensor:
        """Read the filter banks."""
        x = functional.relu(self.bn1(self.conv1(banks.transpose(1, 2)[:, None])))
        return functional.relu(self.bn2(self.conv2(self.layer2(self.layer1(x))))).flatten(1, 2)


class Norm(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Batch norm and ReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.batchnorm = nn.BatchNorm1d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, width, frames] to the same shape."""
        return functional.relu(self.batchnorm(x))


class Masked(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """A convolution over time, masked by what the whole sound and two seconds of it are like."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(NARROW, GROWTH, 3, 1, dilation, dilation, bias=False)
        self.linear1 = nn.Conv1d(NARROW, NARROW // 2, 1)
        self.linear2 = nn.Conv1d(NARROW // 2, GROWTH, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, 128, frames] to [n, 32, frames]."""
        parts = functional.avg_pool1d(x, SEGMENT, SEGMENT, ceil_mode=True)
        part = torch.div(torch.arange(x.shape[2]), SEGMENT, rounding_mode="floor")
        # What a part is like is worked out once for it, not for each of its frames.
        around = functional.relu(self.linear1(x.mean(dim=2, keepdim=True) + parts))
        mask = torch.sigmoid(self.linear2(around))
        return self.linear_local(x) * torch.index_select(mask, 2, part)


class Dense(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """A layer whose 32 values are set beside what it was given."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = Norm(width)
        self.linear1 = nn.Conv1d(width, NARROW, 1, bias=False)
        self.nonlinear2 = Norm(NARROW)
        self.cam_layer = Masked(dilation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, width, frames] to [n, width + 32, frames]."""
        return torch.cat([x, self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x))))], dim=1)


class Transit(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Halves what a block gives."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.nonlinear = Norm(width)
        self.linear = nn.Conv1d(width, width // 2, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, width, frames] to [n, width / 2, frames]."""
        return self.linear(self.nonlinear(x))


class Shortened(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """From frames of 10 ms to frames of 20 ms."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Conv1d(GROWTH * BANDS // 8, NARROW, 5, 2, 2, bias=False)
        self.nonlinear = Norm(NARROW)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, 320, frames] to [n, 128, frames / 2]."""
        return self.nonlinear(self.linear(x))


def _block(layers: int, width: int, dilation: int) -> nn.Sequential:
    names = [f"tdnnd{k + 1}" for k in range(layers)]
    made = [Dense(width + GROWTH * k, dilation) for k in range(layers)]
    block = nn.Sequential()
    for name, layer in zip(names, made, strict=True):
        block.add_module(name, layer)
    return block


class SpeakerEncoder(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Sound [n, samples] (16 kHz, 0.5 to 10 s) to statistics over time, [n, 25 * 512].

    Of what the three dense blocks give (512, 1,024 and 1,024 values, as five maps of 512): mean, spread, max,
    min and mean change from frame to frame.
    """

    def __init__(self) -> None:
        super().__init__()
        self.filter_banks = FilterBanks()
        self.head = Front()
        self.xvector = nn.ModuleDict(
            {
                "tdnn": Shortened(),
                "block1": _block(12, 128, 1),
                "transit1": Transit(512),
                "block2": _block(24, 256, 2),
                "transit2": Transit(1024),
                "block3": _block(16, 512, 2),
            }
        )

    def maps(self, banks: torch.Tensor) -> list[torch.Tensor]:
        """Of filter banks [n, frames of 10 ms, 80] give five maps, each [n, frames of 20 ms, 512]."""
        part = self.xvector
        first = part["block1"](part["tdnn"](self.head(banks)))
        second = part["block2"](part["transit1"](first))
        third = part["block3"](part["transit2"](second))
        found = torch.cat([first, second, third], dim=1).transpose(1, 2)
        return list(found.split([WIDTH] * MAPS, dim=2))

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """Give the statistics over time."""
        return torch.cat([statistics(x) for x in self.maps(self.filter_banks(sound))], dim=1)


def load_speaker_encoder(path: Path) -> SpeakerEncoder:
    """Build the encoder with the tensors that `training.third_party.campplus` wrote.

    Raises:
        ValueError: tensors lack.
    """
    with np.load(path) as stored:
        state = {name: torch.from_numpy(values) for name, values in stored.items()}
    encoder = SpeakerEncoder()
    lacking = encoder.load_state_dict(state, strict=False).missing_keys
    wanted = [n for n in lacking if not n.startswith("filter_banks.") and not n.endswith("_tracked")]
    if wanted:
        raise ValueError(f"{path} lacks {', '.join(wanted)}")
    encoder.eval()
    return encoder
