"""Where TLS fails, that is said, with its reason and the address, and at once."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion_client import AsyncClient, TlsError, UnexpectedAnswerError, UsageError, open_live
from tests.certificates import TlsServer, tls_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TlsServer]:
    with tls_server(tmp_path) as server:
        yield server


@pytest.fixture
def plain() -> Iterator[int]:
    """The port of a server that takes no TLS for HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

        answering = threading.Thread(target=answer)
        answering.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        answering.join()


async def failures_of(url: str) -> list[str]:
    """What calls, events and live streams say."""
    said = []
    async with AsyncClient(url) as client:
        with pytest.raises(TlsError) as error:
            await client.models()
        said.append(str(error.value))
        with pytest.raises(TlsError) as error:
            await anext(client.events("an_1"))
        said.append(str(error.value))
    with pytest.raises(TlsError) as error:
        async with open_live(url):
            pass
    return [*said, str(error.value)]


async def test_a_certificate_that_is_not_trusted(server: TlsServer) -> None:
    url = f"https://localhost:{server.port}"
    for said in await failures_of(url):
        assert f"the certificate of {url} is not accepted: self-signed certificate" in said
        assert "SSL_CERT_FILE" in said
    assert server.callers == 3  # none was repeated


async def test_a_port_without_tls(plain: int) -> None:
    url = f"https://127.0.0.1:{plain}"
    for said in await failures_of(url):
        assert said.startswith(f"TLS failed at {url}: ")
        assert "begins with http://" in said


async def test_a_certificate_is_trusted_by_its_file(
    server: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    async with AsyncClient(f"https://localhost:{server.port}") as client:
        with pytest.raises(UnexpectedAnswerError, match="404"):
            await client.models()
    async with AsyncClient(f"https://127.0.0.1:{server.port}") as client:
        with pytest.raises(TlsError, match=r"not valid for '127\.0\.0\.1'\. Use a name"):
            await client.models()


def test_a_file_of_certificates_that_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    with pytest.raises(UsageError, match=r"SSL_CERT_FILE .* No such file"):
        AsyncClient()
