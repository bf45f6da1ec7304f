"""The limits of a connection, over real sockets: nobody holds one for ever, and every answer can be read."""

import contextlib
import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from fastapi import APIRouter, Request

from shared import http_protocol
from shared.contracts.problems import Problem
from shared.service import create_service
from shared.settings import ServiceSettings
from tests.servers import serve

PATIENCE = 60.0


@pytest.fixture(scope="module")
def address():
    router = APIRouter()

    @router.post("/refuse")
    async def refuse() -> None:
        raise Problem("overloaded", "Full.", retry_after=2)

    @router.post("/count")
    async def count(request: Request) -> int:
        return len(await request.body())

    app = create_service(
        name="trial", title="Trial", description="", settings=ServiceSettings(), routers=[router]
    )
    with serve(app) as url:
        yield urlsplit(url).hostname, urlsplit(url).port


@contextlib.contextmanager
def connected(address):
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        yield connection


def read_to_end(connection):
    """All that comes until the server closes."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def parsed(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.lower(), json.loads(body)


def problem(answer, status, name):
    found, head, document = parsed(answer)
    assert (found, document["type"]) == (status, f"/problems/{name}")
    assert b"application/problem+json" in head
    assert document["remedy"]
    return head


def request(path, body=b"", *, length=None, headers=""):
    length = len(body) if length is None else length
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{headers}\r\n"
    return head.encode() + body


@pytest.mark.parametrize("what", ["one long header", "many headers", "a long address", "no line at all"])
def test_a_head_without_end_is_refused(address, what):
    start, piece = {
        "one long header": (b"GET /health/live HTTP/1.1\r\nA: ", b"a" * 1000),
        "many headers": (b"GET /health/live HTTP/1.1\r\n", b"A: b\r\n" * 100),
        "a long address": (b"GET /", b"a" * 1000),
        "no line at all": (b"", b"A" * 1000),
    }[what]
    with connected(address) as connection:
        connection.sendall(start)
        with contextlib.suppress(ConnectionError):
            for _ in range(500):
                connection.sendall(piece)
        answer = read_to_end(connection)
    if what == "no line at all":
        problem(answer, 400, "bad-request")
    else:
        problem(answer, 431, "header-too-large")


def test_a_head_that_trickles_is_refused(address, monkeypatch):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.3)
    with connected(address) as connection:
        stop = threading.Event()

        def trickle():
            with contextlib.suppress(OSError):
                for byte in b"GET /health/live HTTP/1.1\r\nHeader: " + b"a" * 10_000:
                    connection.sendall(bytes([byte]))
                    if stop.wait(0.02):
                        return

        thread = threading.Thread(target=trickle)
        thread.start()
        answer = read_to_end(connection)
        stop.set()
        thread.join()
    problem(answer, 408, "upload-too-slow")


@pytest.mark.parametrize("said", [b"", b"\r\n\r\n"])
def test_who_says_nothing_is_sent_away(address, monkeypatch, said):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.3)
    with connected(address) as connection:
        connection.sendall(said)
        assert read_to_end(connection) == b""


def test_a_connection_that_is_kept_is_not_cut_by_the_limit_on_heads(address, monkeypatch):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    with connected(address) as connection:
        for _ in range(3):
            connection.sendall(request("/count", b"abc"))
            assert connection.recv(65_536).endswith(b"3")
            time.sleep(0.4)


@pytest.mark.parametrize("headers", ["", "Connection: close\r\n"])
def test_an_answer_before_the_end_of_the_body_can_be_read(address, headers):
    """Closing at once would reset the connection, and the client would lose the answer."""
    body = bytes(20_000_000)
    with connected(address) as connection:
        connection.sendall(request("/refuse", body, headers=headers))
        answer = b""
        while b"remedy" not in answer:
            part = connection.recv(65_536)
            assert part
            answer += part
    head = problem(answer, 503, "overloaded")
    assert b"retry-after: 2" in head


def test_a_connection_lives_on_after_a_refused_body(address):
    with connected(address) as connection:
        for _ in range(3):
            connection.sendall(request("/refuse", bytes(3_000_000)))
            assert b" 503 " in connection.recv(65_536)
        connection.sendall(request("/count", b"abc"))
        assert connection.recv(65_536).endswith(b"3")


def test_a_body_that_nobody_wants_is_not_taken_for_ever(address, monkeypatch):
    monkeypatch.setattr(http_protocol, "LINGER_SECONDS", 0.3)
    with connected(address) as connection:
        connection.sendall(request("/refuse", b"x", length=1_000_000))
        with pytest.raises(ConnectionError):
            trickle_on(connection)


def trickle_on(connection):
    for _ in range(1000):
        connection.sendall(b"x")
        time.sleep(0.02)


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS greeting\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    ],
    ids=["tls", "version", "address", "negative", "smuggling", "two-lengths"],
)
def test_what_is_not_http_is_refused_with_a_problem(address, said):
    with connected(address) as connection:
        connection.sendall(said)
        problem(read_to_end(connection), 400, "bad-request")


def test_broken_chunks_are_the_end_of_the_connection(address):
    with connected(address) as connection:
        connection.sendall(b"POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert b" 200 " not in read_to_end(connection)


def test_more_connections_than_there_is_room_for(address, monkeypatch):
    monkeypatch.setattr(http_protocol, "most_connections", lambda: 5)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connected(address)) for _ in range(8)]
        head = problem(read_to_end(held[-1]), 503, "overloaded")
        assert b"retry-after" in head


def test_requests_in_one_piece_are_answered_in_order(address):
    with connected(address) as connection:
        connection.sendall(request("/count", b"1") + request("/count", b"22") + request("/count", b"333"))
        answers = b""
        while answers.count(b"HTTP/1.1 200") < 3 or not answers.endswith(b"3"):
            answers += connection.recv(65_536)
    assert answers.index(b"\r\n\r\n1") < answers.index(b"\r\n\r\n2") < answers.index(b"\r\n\r\n3")
