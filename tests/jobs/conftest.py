"""Films and a gateway for the tests of jobs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import media_files
from tests.jobs.gateway_process import GatewayProcess
from tests.jobs.postgres_server import postgres_server
from tests.jobs.s3_server import bucket_server
from tests.servers import House


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A short film with a face and a voice."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return media_files.talking_film(path, seconds=3, width=320, height=180).read_bytes()


@pytest.fixture(scope="session")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A film that takes a while."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return media_files.talking_film(path, seconds=20, width=480, height=270).read_bytes()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Where the gateways of one test keep jobs."""
    return tmp_path / "data"


@pytest.fixture
def one_gateway(house: House, data: Path, tmp_path: Path) -> Iterator[GatewayProcess]:
    """A gateway that is not started yet."""
    gateway = GatewayProcess(house, data, tmp_path / "gateway.log")
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The address of a PostgreSQL."""
    with postgres_server() as server:
        yield server.url


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a bucket."""
    with bucket_server(tmp_path_factory.mktemp("s3")) as url:
        yield url
