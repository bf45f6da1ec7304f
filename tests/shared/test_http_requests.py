"""What a connection takes for a request, over real sockets: heads and bodies that are none, or too long."""

import contextlib
import logging

import pytest

from shared import http_protocol
from tests.shared.raw_connections import (
    CHUNKED,
    connected,
    is_closed,
    problem,
    read_problem,
    read_to_end,
    read_until,
    request,
    wait_until,
)


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


def test_an_address_that_the_parser_does_not_take_is_too_long(address):
    """It is a request all the same, and whoever sent it should not look for a fault in its HTTP."""
    with connected(address) as connection:
        connection.sendall(request(f"/count?{'a' * 70_000}=1", b"abc"))
        problem(read_problem(connection), 431, "header-too-large")


def test_a_head_behind_a_body_in_one_piece_is_not_too_long(address, server_side):
    with connected(address) as connection:
        protocol = server_side(connection)
        piece = request("/count", bytes(200_000)) + b"POST /count HTTP/1.1\r\nHost: x\r\nA: "
        # A socket may give it in several.
        protocol.loop.call_soon_threadsafe(protocol.data_received, piece)
        read_until(connection, b"\r\n\r\n200000")
        connection.sendall(b"b\r\nContent-Length: 3\r\n\r\nabc")
        read_until(connection, b"\r\n\r\n3")


def test_what_comes_after_a_body_is_thrown_away(address, server_side):
    with connected(address) as connection:
        for _ in range(2):
            connection.sendall(CHUNKED + b"3\r\nabc\r\n0\r\n" + b"late: field\r\n" * 100 + b"\r\n")
            read_until(connection, b"\r\n\r\n3")
            assert [name for name, _ in server_side(connection).headers] == [b"host", b"transfer-encoding"]


@pytest.mark.parametrize(
    ("start", "piece"),
    [(b"0\r\n", b"late: field\r\n" * 100), (b"0\r\n", b"a" * 1000), (b"3;", b"a" * 1000)],
    ids=["many trailers", "one long trailer", "the extension of a chunk"],
)
def test_what_is_no_body_is_cut_off(address, server_side, start, piece):
    with connected(address) as connection:
        connection.sendall(CHUNKED + start)
        protocol = server_side(connection)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                connection.sendall(piece)
        wait_until(lambda: is_closed(protocol))
    assert [name for name, _ in protocol.headers] == [b"host", b"transfer-encoding"]


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS greeting\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST http://[::1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
    ],
    ids=["tls", "version", "address", "negative", "smuggling", "two-lengths", "no-path", "half-an-address"],
)
def test_what_is_not_http_is_refused_with_a_problem(address, said):
    with connected(address) as connection:
        connection.sendall(said)
        problem(read_to_end(connection), 400, "bad-request")


def test_what_is_not_http_has_one_line_a_second_together(address, caplog):
    caplog.set_level(logging.INFO)
    for said in [
        b"nothing like it\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    ]:
        for _ in range(5):
            with connected(address) as connection:
                connection.sendall(said)
                assert connection.recv(65_536)
    assert not [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.parametrize(
    "said",
    [
        b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n%b\r\n{}",
        b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"a" * 9000 + b"\r\n%b\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 130 + b"%b\r\n",
    ],
    ids=["method", "long-header", "many-headers"],
)
def test_a_handshake_that_cannot_be_read_is_refused(address, said):
    upgrade = (
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    )
    with connected(address) as connection:
        connection.settimeout(10)
        connection.sendall(said % upgrade)
        problem(read_to_end(connection), 400, "bad-request")


def test_broken_chunks_are_the_end_of_the_connection(address):
    with connected(address) as connection:
        connection.sendall(b"POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert b" 200 " not in read_to_end(connection)


@pytest.mark.parametrize("headers", ["", "Connection: close\r\n"])
def test_broken_chunks_after_the_answer_are_not_answered(address, caplog, headers):
    with connected(address) as connection:
        head = f"POST /refuse HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{headers}\r\n"
        connection.sendall(head.encode())
        read_problem(connection)
        connection.sendall(b"zz\r\n")
        assert read_to_end(connection) == b""
    assert not [record for record in caplog.records if record.name == "asyncio"]


def test_requests_in_one_piece_are_answered_in_order(address):
    with connected(address) as connection:
        connection.sendall(request("/count", b"1") + request("/count", b"22") + request("/count", b"333"))
        answers = b""
        while answers.count(b"HTTP/1.1 200") < 3 or not answers.endswith(b"3"):
            answers += connection.recv(65_536)
    assert answers.index(b"\r\n\r\n1") < answers.index(b"\r\n\r\n2") < answers.index(b"\r\n\r\n3")


def test_more_connections_than_there_is_room_for(address, monkeypatch):
    monkeypatch.setattr(http_protocol, "most_connections", lambda: 5)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connected(address)) for _ in range(8)]
        head = problem(read_to_end(held[-1]), 503, "overloaded")
        assert b"retry-after" in head
