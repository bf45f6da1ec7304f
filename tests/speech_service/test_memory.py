"""Memory stays flat whatever the lengths of the sounds."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest

from shared.contracts.fusion import Profile
from speech_service.analysis import analyse

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
