"""Several channels of sound into one."""

import numpy as np
from numpy.typing import NDArray

# Of channels that hold a voice with opposite signs the mean is 20 decibels quieter, or silent.
_LOST = 0.01
_MEMORY_SECONDS = 0.5


class Mixer:
    """Averages channels; while they cancel each other out, gives the loudest of them alone.

    A balanced microphone in a stereo socket, or one lead soldered the wrong way round, writes the same voice
    twice with opposite signs. Whoever listens with two ears hears it; the mean of both is silence.

    Args:
        rate: samples a second.
    """

    def __init__(self, rate: int) -> None:
        self._memory = _MEMORY_SECONDS * rate
        self._mixed = 0.0
        self._channels: NDArray[np.float64] | None = None

    def mix(self, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the next samples.

        Args:
            channels: float32 of shape [samples, channels], at least one of each.

        Returns:
            float32 of shape [samples].
        """
        mono: NDArray[np.float32] = channels.mean(axis=1, dtype=np.float32)
        if channels.shape[1] == 1 or not np.isfinite(power := _power(channels)).all():
            return mono
        if self._channels is None:
            self._channels = np.zeros_like(power)
            share = 1.0
        else:
            share = min(1.0, len(mono) / self._memory)
        self._channels += share * (power - self._channels)
        self._mixed += share * (float(_power(mono[:, None])[0]) - self._mixed)
        if self._mixed < _LOST * self._channels.mean():
            return channels[:, int(self._channels.argmax())].copy()
        return mono


def _power(channels: NDArray[np.float32]) -> NDArray[np.float64]:
    with np.errstate(over="ignore", invalid="ignore"):
        found: NDArray[np.float64] = np.square(channels, dtype=np.float64).mean(axis=0)
    return found
