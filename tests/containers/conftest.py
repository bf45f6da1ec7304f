"""A Docker engine, the images built once, and the stack that runs from them."""

import os
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException, ImageNotFound

from tests import media_files
from tests.containers.stack import SERVICES, TAG, Stack, running


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The engine of this machine."""
    try:
        client = docker.from_env(timeout=300)
        client.ping()
    except DockerException as error:
        if os.environ.get("EMOTION_CONTAINERS") == "required":
            raise
        pytest.skip(f"NO DOCKER ENGINE ANSWERS, SO THE CONTAINERS ARE NOT TESTED: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def images(engine: docker.DockerClient) -> Iterator[dict[str, docker.models.images.Image]]:
    """The four images, built from this tree; their build cache stays, their names go."""
    Stack(engine).build()
    names = {service: f"emotion-{service}:{TAG}" for service in SERVICES}
    yield {service: engine.images.get(name) for service, name in names.items()}
    for name in names.values():
        try:
            engine.images.remove(name, force=True)
        except ImageNotFound:
            continue


@pytest.fixture(scope="session")
def stack(engine: docker.DockerClient, images: object) -> Iterator[Stack]:
    """All four services as containers. A test leaves it as it found it: running and well."""
    with running(engine) as stack:
        yield stack


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of one face and one voice."""
    return media_files.talking_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=3)


@pytest.fixture(scope="session")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Work for a second or so: long enough to be met under way, short enough for the grace period."""
    return media_files.talking_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=20)
