"""Runs that survive being stopped at any moment: state on disk, averaged weights, a clock that goes on."""

import copy
import math
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn


class Clock:
    """How far a run is, by the time it has worked; time between a stop and a restart does not count."""

    def __init__(self, minutes: float) -> None:
        self.budget = minutes * 60
        self.before = 0.0
        self.started = time.monotonic()

    def worked(self) -> float:
        """Seconds worked so far, earlier starts included."""
        return self.before + time.monotonic() - self.started

    def progress(self) -> float:
        """0 at the start, 1 at the end."""
        return min(self.worked() / self.budget, 1.0)


def cosine(progress: float, *, warm_up: float = 0.02, floor: float = 0.01) -> float:
    """Learning rate as a share of its peak: a short rise, then half a cosine down to `floor`."""
    if progress < warm_up:
        return max(progress / warm_up, 0.02)
    along = (progress - warm_up) / (1 - warm_up)
    return floor + (1 - floor) * (1 + math.cos(math.pi * along)) / 2


class Average:
    """Exponential moving average of a network's weights, quicker in the beginning."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
        self.decay = decay

    def follow(self, network: nn.Module, step: int) -> None:
        """Move a little towards the network's weights of this step."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages = self.network.state_dict()
        with torch.no_grad():
            for name, value in network.state_dict().items():
                if value.dtype.is_floating_point:
                    averages[name].lerp_(value, 1 - decay)
                else:
                    averages[name].copy_(value)


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint so that a stop while writing leaves the old one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def load(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint, None where there is none."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
