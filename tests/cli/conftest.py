"""Servers and media of the tests of the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.stack import RunningServer, serving


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face that moves, and a voice."""
    from tests.media_files import talking_film  # noqa: PLC0415 - brings decoders along

    return talking_film(tmp_path_factory.mktemp("media") / "talk.mp4", seconds=3)


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face."""
    from tests.media_files import astronaut, write_picture  # noqa: PLC0415 - brings decoders along

    return write_picture(tmp_path_factory.mktemp("media") / "face.jpg", astronaut())


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """`emotion serve`: one process a service."""
    with serving(tmp_path_factory.mktemp("processes")) as server:
        yield server


@pytest.fixture(scope="session")
def one_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """`emotion serve --single-process`."""
    with serving(tmp_path_factory.mktemp("one-process"), "--single-process") as server:
        yield server


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    """A file that is none of media."""
    path = tmp_path / "notes.mp4"
    path.write_text("not a film")
    return path
