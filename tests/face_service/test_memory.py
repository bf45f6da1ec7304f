from pathlib import Path

import numpy as np

from shared.contracts.fusion import Profile
from tests.face_service.pictures import pasted


def resident_kb() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line)
    return int(line.split()[1])


def test_memory_stays_flat_over_odd_sizes(readers, astronaut):
    """200 pictures of sizes not seen before, with and without a face."""
    random = np.random.default_rng(3)
    reader = readers[Profile.DEFAULT]

    def read_some(count: int) -> None:
        for _ in range(count):
            width, height = (int(length) for length in random.integers(2, 700, 2))
            frame = pasted(astronaut, max(2, width // 2), at=(0, 0), frame=(width, height))
            reader.read([frame], max_faces=2)

    read_some(60)
    before = resident_kb()
    read_some(200)
    assert resident_kb() - before < 200 * 40
