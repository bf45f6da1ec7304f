"""Jobs leave nothing in the gateway: its memory does not grow with their number."""

import io

import pytest
from PIL import Image

from tests.cli.processes import resident_bytes
from tests.jobs.gateway_process import GatewayProcess, files_in


def finish_jobs(gateway: GatewayProcess, picture: bytes, count: int) -> None:
    for _ in range(0, count, 10):
        locations = [gateway.submit(picture) for _ in range(10)]
        for location in locations:
            assert gateway.finished(location)["state"] == "succeeded"
            assert gateway.client.delete(location).status_code == 204


@pytest.mark.parametrize(
    ("jobs", "most_bytes_a_job"),
    [(60, 256 * 1024), pytest.param(500, 16 * 1024, marks=[pytest.mark.long, pytest.mark.timeout(3600)])],
)
@pytest.mark.timeout(600)
def test_memory_is_flat_over_many_jobs(one_gateway, data, jobs, most_bytes_a_job):
    written = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(written, "png")
    one_gateway.start()
    # Libraries, threads and connections are there from the first jobs on.
    finish_jobs(one_gateway, written.getvalue(), jobs // 3)
    before = resident_bytes(one_gateway._process.pid)
    finish_jobs(one_gateway, written.getvalue(), jobs)
    growth = resident_bytes(one_gateway._process.pid) - before
    assert growth < jobs * most_bytes_a_job, f"{growth / jobs / 1024:.1f} KiB a job"
    assert not files_in(data / "files")
