"""A PostgreSQL that takes calls and never answers, as behind a network that drops what is sent."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from tests.jobs.gateway_process import GatewayProcess, eventually

pytestmark = pytest.mark.timeout(600)

# Longer than uploads need on the slowest machine, and shorter than silence lasts.
PATIENCE = 120


class Relay:
    """Between gateways and their database; what is sent while it is silent waits."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.port is not None
        self._to = (parts.hostname, parts.port)
        self._server = socket.create_server(("127.0.0.1", 0), backlog=200)
        self._speaking = threading.Event()
        self._speaking.set()
        self._sockets: list[socket.socket] = [self._server]
        port = self._server.getsockname()[1]
        self.url = url.replace(str(parts.port), str(port))
        threading.Thread(target=self._accept, daemon=True).start()

    def fall_silent(self) -> None:
        self._speaking.clear()

    def speak(self) -> None:
        self._speaking.set()

    def close(self) -> None:
        self.speak()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                self._speaking.wait()
                far = socket.create_connection(self._to)
                self._sockets += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                self._speaking.wait()
                sink.sendall(piece)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def relay(database) -> Iterator[Relay]:
    relay = Relay(database)
    yield relay
    relay.close()


@pytest.fixture
def gateway(house, relay, tmp_path) -> Iterator[GatewayProcess]:
    """One gateway that reaches its database through the relay."""
    gateway = GatewayProcess(house, tmp_path / "data", tmp_path / "log", jobs__database_url=relay.url)
    gateway.start()
    yield gateway
    relay.speak()
    gateway.stop()


def test_a_silent_database_is_a_503_and_keeps_no_upload_waiting(gateway, relay, film):
    location = gateway.submit(film)
    assert gateway.finished(location)["state"] == "succeeded"
    wish = {"prefer": "respond-async"}
    keyed = {**wish, "idempotency-key": "once"}
    calls = [
        *(("GET", location, None, {}) for _ in range(40)),
        *(("GET", f"{location}/events", None, {}) for _ in range(10)),
        ("DELETE", location, None, {}),
        ("POST", "/v1/analyses", film, wish),
        ("POST", "/v1/analyses?detail=summary", film, keyed),
    ]

    def call(method: str, path: str, content: bytes | None, headers: dict[str, str]) -> httpx.Response:
        return httpx.request(method, gateway.url + path, content=content, headers=headers, timeout=PATIENCE)

    relay.fall_silent()
    with ThreadPoolExecutor(len(calls)) as threads:
        asked = [threads.submit(call, *arguments) for arguments in calls]
        # More than is kept in memory, so that it must be written while all of them wait.
        plain = call("POST", "/v1/analyses", b"rubbish" * 500_000, {})
        answers = [each.result() for each in asked]
    assert plain.status_code == 415
    for answer in answers:
        assert (answer.status_code, answer.headers.get("retry-after")) == (503, "5"), answer.text
    relay.speak()
    eventually(lambda: gateway.client.get(location).status_code == 200, "the database answers again")
    # Sent again as its answer advised, it is one job, whether or not it was stored the first time.
    again = gateway.submit(film, **{"idempotency-key": "once"})
    assert gateway.submit(film, **{"idempotency-key": "once"}) == again
    assert gateway.finished(again)["state"] == "succeeded"
    assert "event: done" in gateway.client.get(f"{again}/events").text


def test_who_follows_a_job_goes_on_after_the_silence(gateway, relay, long_film):
    gateway.finished(gateway.submit(b"rubbish"))
    location = gateway.submit(long_film, detail="frames")
    with gateway.client.stream("GET", f"{location}/events", timeout=PATIENCE) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("id: 0")
        relay.fall_silent()
        # It ends without its last event.
        assert "event: done" not in list(lines)
    relay.speak()
    headers = {"last-event-id": "0"}

    def rest() -> str:
        answer = gateway.client.get(f"{location}/events", headers=headers, timeout=PATIENCE)
        return answer.text if answer.status_code == 200 else ""

    assert "event: done" in eventually(lambda: "event: done" in (found := rest()) and found, "it is done")
