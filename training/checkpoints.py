"""Runs that survive being stopped at any moment: state on disk, averaged weights, a clock that goes on."""

import copy
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from training.whole_files import written_whole

# How often the file of a run is written.
SAVE_SECONDS = 60


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
    with written_whole(path) as unfinished:
        torch.save(state, unfinished)


def load(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint, None where there is none."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


class Run:
    """A network that learns: with its averaged weights, its optimizer, its steps and the time that it worked.

    Everything stands in one file, so that a run that was stopped goes on where it was.

    Args:
        path: the file.
        network: what learns.
        optimizer: of its weights.
        minutes: how long it works, earlier starts included.
        decay: of the averaged weights.
    """

    def __init__(
        self,
        path: Path,
        network: nn.Module,
        optimizer: Optimizer,
        *,
        minutes: float,
        decay: float,
    ) -> None:
        self.network, self.optimizer = network, optimizer
        self.average = Average(network, decay)
        self.clock = Clock(minutes)
        self.step = 0
        self.losses: list[float] = []
        self._path = path
        if (state := load(path)) is not None:
            network.load_state_dict(state["network"])
            self.average.network.load_state_dict(state["average"])
            optimizer.load_state_dict(state["optimizer"])
            self.step, self.clock.before = state["step"], state["worked"]
        self._saved = self.clock.worked()

    def keep(self) -> None:
        """Write the file."""
        state = {"network": self.network.state_dict(), "average": self.average.network.state_dict()}
        state |= {"optimizer": self.optimizer.state_dict(), "step": self.step, "worked": self.clock.worked()}
        save(self._path, state)
        self._saved = self.clock.worked()

    def learn(self, loss: Tensor, *, longest: float) -> None:
        """Take one step down a loss, its gradient at most `longest`; write the file when it is time."""
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), longest)
        self.optimizer.step()
        self.step += 1
        self.average.follow(self.network, self.step)
        self.losses.append(float(loss.detach()))
        if self.clock.worked() - self._saved > SAVE_SECONDS:
            self.keep()

    def state(self) -> str:
        """Tell minutes, steps and the mean of the last 200 losses."""
        loss = f"{np.mean(self.losses[-200:]):.3f}" if self.losses else "-"
        return f"{self.clock.worked() / 60:.1f} min step {self.step} loss {loss}"
