"""One `emotion serve` for the tests of this room, with limits that a test can reach."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.processes import eventually
from tests.cli.stack import RunningServer, serving
from tests.stress.footprint import Footprint, footprint_of

MAX_UPLOAD_BYTES = 8_000_000
SETTINGS = {
    "EMOTION_MAX_UPLOAD_BYTES": str(MAX_UPLOAD_BYTES),
    "EMOTION_UPLOAD_IDLE_SECONDS": "2",
    "EMOTION_INNER_SECONDS": "20",
}


@pytest.fixture(scope="session")
def uploads_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this server keeps uploads."""
    return tmp_path_factory.mktemp("uploads-under-fire")


@pytest.fixture(scope="session")
def server(uploads_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The four services as processes."""
    environment = {**SETTINGS, "EMOTION_TEMPORARY_FOLDER": str(uploads_folder)}
    with serving(tmp_path_factory.mktemp("server-under-fire"), environment=environment) as server:
        yield server


@pytest.fixture(scope="session")
def client(server: RunningServer) -> Iterator[httpx.Client]:
    """A client of the gateway."""
    with httpx.Client(base_url=server.url, timeout=120) as client:
        yield client


@pytest.fixture
def nothing_left(server: RunningServer, uploads_folder: Path, client: httpx.Client) -> Iterator[None]:
    """After the test there is no process, descriptor, file or line of alarm that was not there before."""
    client.get("/health/ready")
    before = footprint_of(server.process.pid, uploads_folder)
    said = len(server.log.read_text())
    yield
    after: list[Footprint] = []

    def as_before() -> bool:
        after[:] = [footprint_of(server.process.pid, uploads_folder)]
        return not after[0].more_than(before)

    assert eventually(as_before, seconds=60), after[0].more_than(before)
    log = server.log.read_text()[said:]
    assert "Traceback" not in log
    assert '"level": "error"' not in log
    assert server.process.poll() is None
