"""Fuzzing, overload and soak, each for some seconds; `make stress` runs the long forms and judges figures.

Nothing here depends on how fast the machine is: what is judged is what comes back.
"""

import pytest

from tests.cli.processes import eventually
from tests.media.fuzzing import small_files
from tests.stress.footprint import footprint_of
from tests.stress.fuzz import fuzz
from tests.stress.overload import media, overload
from tests.stress.soak import growth_of, mixed_uploads, soak

pytestmark = pytest.mark.stack

FILES = 80
REQUESTS = 60
SECONDS = 2.0


@pytest.mark.usefixtures("nothing_left")
async def test_damaged_files(server, tmp_path):
    figures = await fuzz(server.url, small_files(tmp_path), count=FILES, seed=9)
    assert figures.unexpected == []
    assert sum(figures.outcomes.values()) == FILES
    assert figures.outcomes["analysis"] > FILES // 10
    assert figures.outcomes["damaged-media"] > FILES // 50


async def test_ten_times_more_than_it_can_serve(server, uploads_folder, tmp_path):
    figures = await overload(server.url, media("picture", tmp_path), seconds=SECONDS)
    assert figures.faults() == []
    assert figures.statuses[503] > 0
    assert figures.recovery_seconds < float("inf")
    assert figures.after > 0
    assert not list(uploads_folder.iterdir())


async def test_many_requests_of_mixed_media(server, uploads_folder, tmp_path):
    def look():
        return footprint_of(server.process.pid, uploads_folder)

    looks, statuses = await soak(server.url, mixed_uploads(tmp_path), REQUESTS, look)
    assert sum(statuses.values()) == REQUESTS
    assert set(statuses) == {200, 415, 422}
    growths = growth_of(looks, REQUESTS)
    assert {growth.process for growth in growths} >= {"gateway", "face_service", "gateway.media.nursery"}
    # Figures of memory need more requests than these; what doubles within these is a leak anywhere.
    for growth in growths:
        assert growth.bytes_a_request * REQUESTS < 1e6 * growth.megabytes / 2, growth
    assert eventually(lambda: not look().files, seconds=60)
