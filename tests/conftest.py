"""Fixtures that several rooms share."""

import json
import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import hypothesis
import pytest

from shared.logs import JsonFormatter

if TYPE_CHECKING:
    from tests.servers import House

# How long an example takes says something about the machine, not about the code.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

# A shell lets what it starts in the background ignore these, and so would the programs that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where gateways under test keep jobs: never the user's own folder."""
    folder = tmp_path_factory.mktemp("data") / "emotion"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_JOBS__DATA_FOLDER", str(folder))
        yield folder


@pytest.fixture(scope="session")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the gateway under test keeps uploads."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="session")
def house(uploads: Path) -> "Iterator[House]":
    """All four services, with their real networks, on real sockets."""
    from tests.servers import serve_house  # noqa: PLC0415 - only these tests need all four services

    with serve_house(temporary_folder=uploads) as house:
        yield house


@pytest.fixture
def gateway(house: "House") -> Iterator[httpx.Client]:
    """A client of the gateway."""
    with httpx.Client(base_url=house.gateway, timeout=120) as client:
        yield client


@pytest.fixture
def log_lines() -> Iterator[list[dict[str, Any]]]:
    """What this process logs, as the lines that it would write."""
    written: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name != "httpx":  # the test's own client
                written.append(json.loads(self.format(record)))

    handler = Keep()
    handler.setFormatter(JsonFormatter("tests"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)
