"""Several channels of sound into one."""

import numpy as np
from numpy.typing import NDArray

# Of channels that hold a voice with opposite signs the mean is 20 decibels quieter, or silent.
_LOST = 0.01
# Going over from one channel to another turns the sign of the voice, which is heard as a click.
_CLEARLY_LOUDER = 2.0
_MEMORY_SECONDS = 0.5


class Mixer:
    """Averages channels; while they cancel each other out, gives one of the loudest alone.

    A balanced microphone in a stereo socket, or one lead soldered the wrong way round, writes the same voice
    twice with opposite signs. Whoever listens with two ears hears it; the mean of both is silence.

    Args:
        rate: samples a second.
    """

    def __init__(self, rate: int) -> None:
        self._memory = _MEMORY_SECONDS * rate
        self._mixed = 0.0
        self._channels: NDArray[np.float64] | None = None
        self._chosen = 0

    def mix(self, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the next samples.

        Args:
            channels: float32 of shape [channels, samples], at least one of each.

        Returns:
            float32 of shape [samples].
        """
        count, samples = channels.shape
        mono: NDArray[np.float32] = np.full(count, 1 / count, dtype=np.float32) @ channels
        # Cheap sound cards add the same constant to all channels: it is no voice that the mean would keep.
        waves = channels - channels.mean(axis=1, keepdims=True)
        # The powers of the channels on its diagonal; the mean of all is the power of their mean.
        together = waves @ waves.T / np.float32(samples)
        if count == 1 or not np.isfinite(together).all():
            return mono
        share = 1.0 if self._channels is None else min(1.0, samples / self._memory)
        if self._channels is None:
            self._channels = np.zeros(count)
        self._channels += share * (together.diagonal() - self._channels)
        self._mixed += share * (float(together.mean()) - self._mixed)
        if self._mixed < _LOST * self._channels.mean():
            loudest = int(self._channels.argmax())
            if self._channels[loudest] > _CLEARLY_LOUDER * self._channels[self._chosen]:
                self._chosen = loudest
            mono = channels[self._chosen].copy()
        return mono
