"""What the `default` network reads a voice with: log-mel, lower layers of Whisper, statistics over time.

The module is written so that its ONNX graph can be stored in int8: the two convolutions are matrix products
over neighbouring frames, since ONNX Runtime's dynamic quantisation is quick for products and slow for
convolutions.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from speech_service.features import RATE, hann, mel_filters

BANDS = 80
WINDOW = 400
HOP = 160
# Values of one attention head, in every Whisper.
HEAD = 64
LAYERS = 4
LONGEST_SECONDS = 10
# Where the loudest value of the log-mel is put: about that of close speech, as Whisper was trained on.
LEVEL = 1.5
STATISTICS = ("mean", "spread", "max", "min", "change")
MAPS = LAYERS + 1

Tensors = dict[str, npt.NDArray[np.generic]]


class LogMel(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Whisper's log-mel: sound [n, samples] in, [n, frames, 80] out, frames of 10 ms.

    Args:
        level: what the loudest value becomes, so that a recording's level says nothing; None keeps it.
    """

    def __init__(self, *, level: float | None = None) -> None:
        super().__init__()
        phase = 2.0 * np.pi * np.outer(np.arange(WINDOW // 2 + 1), np.arange(WINDOW)) / WINDOW
        basis = np.concatenate([np.cos(phase), np.sin(phase)]) * hann(WINDOW)
        self.register_buffer("basis", torch.from_numpy(basis.astype(np.float32))[:, None, :])
        self.register_buffer("filters", torch.from_numpy(mel_filters(bands=BANDS, window=WINDOW).T.copy()))
        self.level = level

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """Give the normalised log-mel."""
        padded = functional.pad(sound[:, None], (WINDOW // 2, WINDOW // 2), mode="reflect")
        spectrum = functional.conv1d(padded, self.basis, stride=HOP)[:, :, :-1].transpose(1, 2)
        power = spectrum[..., : WINDOW // 2 + 1] ** 2 + spectrum[..., WINDOW // 2 + 1 :] ** 2
        mel = torch.log10(torch.clamp(power @ self.filters, min=1e-10))
        loudest = mel.amax(dim=(1, 2), keepdim=True)
        mel = torch.maximum(mel, loudest - 8.0)
        if self.level is not None:
            mel = mel - loudest + self.level
        return (mel + 4.0) / 4.0


class Layer(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """One transformer layer, normalised before attention and before the feed-forward part."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.joint = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.before_feed = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.heads = width // HEAD

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, frames, width] to the same shape."""
        joint = self.joint(self.before_attention(x)).unflatten(2, (3, self.heads, HEAD))
        query, key, value = joint.permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.softmax(query @ key.transpose(2, 3) * HEAD**-0.5, dim=-1)
        x = x + self.out((weights @ value).transpose(1, 2).flatten(2))
        return x + self.down(functional.gelu(self.up(self.before_feed(x))))


class Encoder(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Sound [n, samples] (16 kHz, 0.5 to 10 s) to statistics over time, [n, 25 * width].

    For the convolutions and each of the four layers: mean, spread, max, min and mean change from frame to
    frame of `width` values (512 of Whisper-base).
    """

    def __init__(self, width: int, *, level: float | None = None) -> None:
        super().__init__()
        self.width = width
        self.log_mel = LogMel(level=level)
        self.first = nn.Linear(3 * BANDS, width)
        self.second = nn.Linear(3 * width, width)
        self.register_buffer("positions", torch.zeros(LONGEST_SECONDS * RATE // HOP // 2, width).half())
        self.layers = nn.ModuleList(Layer(width) for _ in range(LAYERS))

    def maps(self, spectrum: torch.Tensor) -> list[torch.Tensor]:
        """Of a log-mel [n, frames of 10 ms, 80] give the five maps, each [n, frames of 20 ms, width]."""
        mel = functional.pad(spectrum, (0, 0, 1, 1))
        x = functional.gelu(self.first(torch.cat([mel[:, :-2], mel[:, 1:-1], mel[:, 2:]], dim=2)))
        x = functional.pad(x, (0, 0, 1, 1))
        x = torch.cat([x[:, 0:-2:2], x[:, 1:-1:2], x[:, 2::2]], dim=2)
        x = functional.gelu(self.second(x))
        x = x + self.positions[: x.shape[1]].float()
        found = [x]
        for layer in self.layers:
            x = layer(x)
            found.append(x)
        return found

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """Give the statistics over time."""
        return torch.cat([statistics(x) for x in self.maps(self.log_mel(sound))], dim=1)


def statistics(x: torch.Tensor) -> torch.Tensor:
    """[n, frames, width] to [n, 5 * width]: mean, spread, max, min, mean absolute change."""
    mean = x.mean(dim=1)
    spread = torch.sqrt(((x - mean[:, None]) ** 2).mean(dim=1) + 1e-6)
    change = (x[:, 1:] - x[:, :-1]).abs().mean(dim=1)
    return torch.cat([mean, spread, x.amax(dim=1), x.amin(dim=1), change], dim=1)


def load_encoder(path: Path, *, level: float | None = LEVEL) -> Encoder:
    """Build the encoder with the tensors that `training.third_party.whisper` wrote."""
    with np.load(path) as stored:
        tensors: Tensors = dict(stored)
    encoder = Encoder(len(tensors["conv1/bias"]), level=level)
    encoder.load_state_dict(encoder_state(tensors), strict=False)
    encoder.eval()
    return encoder


def encoder_state(tensors: Tensors) -> dict[str, torch.Tensor]:
    """Name CTranslate2's tensors as `Encoder` names them."""

    def floats(name: str) -> torch.Tensor:
        return torch.from_numpy(tensors[name].astype(np.float32))

    state = {"positions": floats("position_encodings/encodings")[: LONGEST_SECONDS * RATE // HOP // 2].half()}
    for ours, theirs in (("first", "conv1"), ("second", "conv2")):
        kernel = floats(f"{theirs}/weight")  # [out, in, 3]
        state[f"{ours}.weight"] = kernel.permute(0, 2, 1).reshape(kernel.shape[0], -1)
        state[f"{ours}.bias"] = floats(f"{theirs}/bias")
    names = {
        "before_attention.weight": "self_attention/layer_norm/gamma",
        "before_attention.bias": "self_attention/layer_norm/beta",
        "before_feed.weight": "ffn/layer_norm/gamma",
        "before_feed.bias": "ffn/layer_norm/beta",
        **{f"joint.{part}": f"self_attention/linear_0/{part}" for part in ("weight", "bias")},
        **{f"out.{part}": f"self_attention/linear_1/{part}" for part in ("weight", "bias")},
        **{f"up.{part}": f"ffn/linear_0/{part}" for part in ("weight", "bias")},
        **{f"down.{part}": f"ffn/linear_1/{part}" for part in ("weight", "bias")},
    }
    for layer in range(LAYERS):
        for ours, theirs in names.items():
            state[f"layers.{layer}.{ours}"] = floats(f"layer_{layer}/{theirs}")
    return state
