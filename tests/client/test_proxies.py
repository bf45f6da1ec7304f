"""A server on this machine is reached without the proxy that the environment names, any other through it."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from emotion_client import AsyncClient, Client, Patience, ServerUnreachableError, UsageError, open_live
from emotion_client.proxies import is_loopback
from tests.servers import House


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What the environment's proxy was asked for; it hangs up on everybody."""
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        heads.append(connection.recv(65536))

        proxy = threading.Thread(target=hang_up)
        proxy.start()
        for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy"):
            monkeypatch.delenv(name.upper(), raising=False)
            monkeypatch.setenv(name, f"http://127.0.0.1:{listening.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield heads
        listening.shutdown(socket.SHUT_RDWR)
        proxy.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_server_on_this_machine_is_reached(house: House, asked: list[bytes], host: str) -> None:
    url = house.gateway.replace("127.0.0.1", host)
    with Client(url) as client:
        assert client.models().models
    async with AsyncClient(url) as client:
        assert (await client.models()).models
    async with open_live(url) as stream:
        assert stream.ready.session
    assert asked == []


async def test_any_other_is_reached_through_the_proxy(asked: list[bytes]) -> None:
    url = "http://emotion.invalid"
    async with AsyncClient(url, patience=Patience(attempts=1)) as client:
        with pytest.raises(ServerUnreachableError):
            await client.models()
    with pytest.raises(ServerUnreachableError):
        async with open_live(url):
            pass
    call, live = asked
    assert call.startswith(b"GET http://emotion.invalid/v1/models ")
    assert live.startswith(b"CONNECT emotion.invalid:80 ")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1:80", "[::1]", "[::1]:80"])
def test_loopback(host: str) -> None:
    assert is_loopback(f"http://{host}")


@pytest.mark.parametrize(
    "host", ["localhost.example.org", "127.example.org", "10.0.0.5", "[fe80::1]", "example.org:80"]
)
def test_not_loopback(host: str) -> None:
    assert not is_loopback(f"http://{host}/127.0.0.1")


async def test_a_proxy_that_cannot_be_used_is_said_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "nonsense://127.0.0.1:9")
    with pytest.raises(UsageError, match="proxy that cannot be used"):
        async with open_live("http://emotion.invalid"):
            pass


async def test_what_a_proxy_answers_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        url = "https://emotion.invalid"
        async with AsyncClient(url, patience=Patience(attempts=1)) as client:
            with pytest.raises(ServerUnreachableError, match="the proxy makes no connection: 403"):
                await client.models()
        with pytest.raises(ServerUnreachableError, match="the proxy makes no connection, its answer is 403"):
            async with open_live(url):
                pass
