"""Memory stays flat whatever the lengths of the sounds, and small whatever the files hold."""

import gc
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from shared.contracts.fusion import Profile
from speech_service.analysis import analyse
from speech_service.sounds import sound_of_file

STATM = Path("/proc/self/statm")


def resident_megabytes():
    gc.collect()
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.skipif(not STATM.exists(), reason="needs /proc")
def test_memory_stays_flat_over_many_lengths(activity, classifiers, babble):
    random = np.random.default_rng(0)
    long = np.tile(babble, 5)

    def read(count):
        for _ in range(count):
            for profile in Profile:
                analyse(long[: random.integers(8_000, len(long))], activity, classifiers[profile])

    read(15)
    before = resident_megabytes()
    read(40)
    assert resident_megabytes() - before < 20


def test_many_channels_are_not_in_memory_at_once(wave_file):
    file = wave_file(np.zeros((20 * 192_000, 8), dtype=np.int16), rate=192_000, container="FLAC")
    assert len(file) < 100_000
    tracemalloc.start()
    try:
        sound = sound_of_file(file, longest_seconds=60)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(sound) == 20 * 16_000
    # As float32 all channels are 123 MB.
    assert peak < 64 << 20
