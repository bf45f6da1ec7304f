"""A client that goes away stops the work, and nothing is left: no process, no descriptor, no file."""

import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import media_files
from tests.cli.processes import children_of, waits_for_an_upload


@pytest.fixture(scope="module")
def long_film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return media_files.talking_film(path, seconds=40, width=640, height=360).read_bytes()


def children() -> set[int]:
    """Processes below this one: the decoder's, as the services run inside this process.

    The one that waits for the next upload comes and goes, and is left out.
    """
    return {pid for pid in children_of(os.getpid()) if not waits_for_an_upload(pid)}


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def wait_for(condition, seconds: float) -> bool:
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_a_client_that_goes_away_stops_the_work(gateway, house, uploads, long_film):
    gateway.post("/v1/analyses", content=long_film, params={"end": 1})
    idle_children, idle_descriptors = children(), descriptors()
    address = urlsplit(house.gateway)
    head = f"POST /v1/analyses?fps=30 HTTP/1.1\r\nHost: x\r\nContent-Length: {len(long_film)}\r\n\r\n"
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + long_film)
        assert wait_for(lambda: children() > idle_children, 5)
    assert wait_for(lambda: children() <= idle_children, 1.0), "the decoder still runs"
    assert wait_for(lambda: descriptors() <= idle_descriptors + 2, 5)
    assert not list(uploads.iterdir())


def test_an_upload_that_breaks_off_leaves_nothing(gateway, house, uploads, long_film):
    gateway.get("/health/live")
    idle_descriptors = descriptors()
    address = urlsplit(house.gateway)
    for _ in range(5):
        with socket.create_connection((address.hostname, address.port)) as connection:
            head = f"POST /v1/analyses HTTP/1.1\r\nHost: x\r\nContent-Length: {len(long_film)}\r\n\r\n"
            connection.sendall(head.encode() + long_film[:100_000])
    assert wait_for(lambda: descriptors() <= idle_descriptors + 2, 5)
    assert not list(uploads.iterdir())
    assert gateway.get("/health/ready").is_success


def test_refusals_leave_nothing(gateway, uploads, long_film):
    gateway.post("/v1/analyses", content=b"rubbish")
    idle_children, idle_descriptors = children(), descriptors()
    for _ in range(20):
        assert gateway.post("/v1/analyses", content=b"rubbish").status_code == 415
        assert gateway.post("/v1/analyses", content=long_film[:50_000]).status_code == 422
    assert wait_for(lambda: children() <= idle_children, 2)
    assert wait_for(lambda: descriptors() <= idle_descriptors + 2, 5)
    assert not list(uploads.iterdir())
