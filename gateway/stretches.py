"""Cut a stream of sound into stretches for speech_service, where it is quietest."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
_WINDOW = RATE // 5


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of sound.

    Args:
        start: seconds, on the upload's clock.
        samples: mono, 16 kHz, float32, shape [n].
    """

    start: float
    samples: NDArray[np.float32]


class StretchCutter:
    """Collects sound and gives it back in stretches.

    A stretch ends at the quietest fifth of a second in its last third, so that few words are cut.

    Args:
        longest_seconds: length of a stretch at most.
    """

    def __init__(self, longest_seconds: float) -> None:
        self._longest = int(longest_seconds * RATE)
        self._pieces: list[NDArray[np.float32]] = []
        self._length = 0
        self._start: float | None = None

    def add(self, t: float, samples: NDArray[np.float32]) -> Iterator[Stretch]:
        """Take the next piece of sound, beginning at `t` seconds; give the stretches that are complete."""
        if self._start is None:
            self._start = t
        self._pieces.append(samples)
        self._length += len(samples)
        while self._length >= self._longest:
            whole = np.concatenate(self._pieces)
            cut = _quietest(whole[: self._longest])
            yield Stretch(self._start, whole[:cut])
            self._pieces = [whole[cut:]]
            self._length -= cut
            self._start += cut / RATE

    def rest(self) -> Iterator[Stretch]:
        """Give what is left at the end of the sound, if anything."""
        if self._start is not None and self._length:
            yield Stretch(self._start, np.concatenate(self._pieces))
        self._pieces, self._length, self._start = [], 0, None


def _quietest(samples: NDArray[np.float32]) -> int:
    """Index of the middle of the quietest window in the last third."""
    first = len(samples) * 2 // 3
    until = np.cumsum(np.append(0.0, samples[first:].astype(np.float64) ** 2))
    energy = until[_WINDOW:] - until[:-_WINDOW]
    return int(first + energy.argmin() + _WINDOW // 2) if len(energy) else len(samples)
