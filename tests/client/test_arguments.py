"""What no call can be made with is refused before one is made."""

import os
import threading
import traceback
from pathlib import Path

import httpx
import pytest

from emotion_client import AsyncClient, Client, EmotionError, UsageError, open_live
from emotion_client.arguments import checked_address, checked_key
from tests.client.test_calls import Scripted

NO_ADDRESSES = [
    "",
    "127.0.0.1:8000",
    "localhost:8000",
    "ftp://127.0.0.1",
    "http://",
    "http://:8000",
    "http://127.0.0.1:99999",
    "http://127.0.0.1:0",
    "http://127.0.0.1:port",
    "http://[::1",
    "http://a..b",
    f"http://{'a' * 64}.org",
    "http://xn--zz",
    "http://a\nb",
]


@pytest.mark.parametrize("address", NO_ADDRESSES)
async def test_what_is_no_address_is_refused(address: str) -> None:
    before = threading.active_count()
    for client in (Client, AsyncClient):
        with pytest.raises(UsageError):
            client(address)
    with pytest.raises(UsageError):
        async with open_live(address):
            pass
    assert threading.active_count() == before


def test_a_wrong_argument_is_a_value_error_too() -> None:
    assert issubclass(UsageError, ValueError)
    assert issubclass(UsageError, EmotionError)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        (" https://example.org/emotion/\n", "https://example.org/emotion"),
        ("HTTP://[::1]:65535", "HTTP://[::1]:65535"),
        ("http://bücher.example", "http://bücher.example"),
    ],
)
def test_addresses(given: str, address: str) -> None:
    assert checked_address(given) == address


def test_a_password_in_an_address_is_not_shown() -> None:
    with pytest.raises(UsageError) as error:
        Client("http://anna:secret@127.0.0.1:99999")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("key", ["emo_secret\nmore", "emo_secret more", "emo_secretключ", "emo_secret\0"])
async def test_what_is_no_key_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(UsageError, match="visible ASCII") as error:
        Client("http://127.0.0.1:9", api_key=key)
    assert "emo_secret" not in str(error.value)
    with pytest.raises(UsageError, match="visible ASCII"):
        async with open_live("http://127.0.0.1:9", api_key=key):
            pass


async def test_white_space_around_a_key_is_not_sent() -> None:
    transport = Scripted(httpx.Response(404))
    async with AsyncClient(transport=transport, api_key=" emo_secret\r\n") as client:
        with pytest.raises(EmotionError):
            await client.models()
    assert transport.requests[0][0].headers["authorization"] == "Bearer emo_secret"
    assert checked_key("\n") is None


@pytest.mark.parametrize("key", ["ä", "a b", "a\n"])
async def test_names_that_cannot_be_sent(key: str) -> None:
    async with AsyncClient(transport=Scripted()) as client:
        with pytest.raises(UsageError, match="idempotency_key"):
            await client.submit(b"media", idempotency_key=key)
        with pytest.raises(UsageError, match="after"):
            await anext(client.events("an_1", after=key))


@pytest.mark.parametrize(
    "wrong", [httpx.LocalProtocolError("Illegal header value b'emo_secret'"), httpx.UnsupportedProtocol("")]
)
async def test_what_httpx_does_not_send_is_not_repeated(wrong: httpx.TransportError) -> None:
    transport = Scripted(wrong, wrong)
    async with AsyncClient(transport=transport) as client:
        with pytest.raises(UsageError) as error:
            await client.models()
        with pytest.raises(UsageError):
            await anext(client.events("an_1"))
    assert "emo_secret" not in "".join(traceback.format_exception(error.value))
    assert len(transport.requests) == 2


@pytest.mark.parametrize(
    ("proxy", "said"), [("socks5://127.0.0.1:9", r"pip install 'httpx\[socks\]'"), ("x://127.0.0.1", "proxy")]
)
def test_a_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, proxy: str, said: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(UsageError, match=said):
        Client("http://emotion.invalid")
    Client("http://127.0.0.1:9").close()


async def test_a_live_stream_through_a_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKS_PROXY", "socks5h://127.0.0.1:9")
    with pytest.raises(UsageError, match="python-socks"):
        async with open_live("http://emotion.invalid"):
            pass


async def test_a_file_that_becomes_shorter_on_its_way_is_an_os_error(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(bytes(600_000))

    def cut(sent: int, total: int) -> None:
        if sent < total:
            os.truncate(film, sent)

    transport = Scripted(httpx.Response(404))
    async with AsyncClient(transport=transport) as client:
        with pytest.raises(OSError, match="became shorter"):
            await client.analyze(film, on_upload=cut)
