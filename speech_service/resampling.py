"""Change of the sampling rate by a polyphase filter, in NumPy alone."""

from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Zero crossings of the sinc on each side, and the shape of its Kaiser window: over 80 dB beyond the
# transition band.
_CROSSINGS = 32
_BETA = 8.6
_PASS = 0.94
# Filters of a bank: 16001 to 16000 samples a second would want one for every sample of a second, a gigabyte.
_MOST_FILTERS = 1000


@lru_cache(maxsize=8)
def _filter_bank(up: int, down: int) -> NDArray[np.float32]:
    """Filters of shape [up, taps]: one for each place of an output sample between two input samples."""
    cutoff = _PASS * min(1.0, up / down)
    half = int(np.ceil(_CROSSINGS / cutoff))
    distance = np.arange(-half + 1, half + 1)[None, :] - (np.arange(up) / up)[:, None]
    window = np.i0(_BETA * np.sqrt(np.maximum(0.0, 1.0 - (distance / half) ** 2))) / np.i0(_BETA)
    bank = cutoff * np.sinc(cutoff * distance) * window
    return np.asarray(bank / bank.sum(axis=1, keepdims=True), dtype=np.float32)


def resample(sound: NDArray[np.float32], *, rate: int, target: int) -> NDArray[np.float32]:
    """Give the sound at another rate; content above 94 % of the lower half rate is removed.

    A ratio of rates that no `_MOST_FILTERS` filters make is taken for the nearest that so many do: times in
    a minute are then off by 30 ms at most.

    Args:
        sound: float32 of shape [samples].
        rate: its samples a second.
        target: samples a second wanted.

    Returns:
        float32 of shape [ceil(samples * target / rate)], of the ratio taken.
    """
    if rate == target or not len(sound):
        return sound
    down, up = Fraction(rate, target).limit_denominator(_MOST_FILTERS).as_integer_ratio()
    if up == down:
        return sound
    bank = _filter_bank(up, down)
    half = bank.shape[1] // 2
    count = -(-len(sound) * up // down)
    padded = np.concatenate(
        [np.zeros(half - 1, np.float32), sound, np.zeros(half + down + 1, np.float32)], dtype=np.float32
    )
    windows = np.lib.stride_tricks.sliding_window_view(padded, bank.shape[1])
    found = np.empty(count, dtype=np.float32)
    for first in range(min(up, count)):
        begin, phase = divmod(first * down, up)
        places = len(found[first::up])
        found[first::up] = windows[begin : begin + places * down : down][:places] @ bank[phase]
    return found
