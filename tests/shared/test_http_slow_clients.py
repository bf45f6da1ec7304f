"""Who sends or reads slowly, over real sockets: nobody holds a connection for ever."""

import contextlib
import threading
import time

import pytest

from shared import http_protocol
from tests.shared.raw_connections import (
    MUCH,
    REFUSED,
    connected,
    is_closed,
    problem,
    read_problem,
    read_to_end,
    read_until,
    request,
    wait_until,
)


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
            read_until(connection, b"\r\n\r\n3")
            time.sleep(0.4)


def test_a_connection_is_kept_after_a_refusal(address, monkeypatch):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    with connected(address) as connection:
        connection.sendall(request("/full", b"abc"))
        assert b" 503 " in read_problem(connection)
        time.sleep(0.6)
        connection.sendall(request("/count", b"abc"))
        read_until(connection, b"\r\n\r\n3")


def trickle_on(connection):
    for _ in range(1000):
        connection.sendall(b"x")
        time.sleep(0.02)


@pytest.mark.parametrize("path", REFUSED)
def test_a_body_that_nobody_wants_is_not_taken_for_ever(address, monkeypatch, path):
    monkeypatch.setattr(http_protocol, "LINGER_SECONDS", 0.3)
    with connected(address) as connection:
        connection.sendall(request(path, b"x", length=1_000_000))
        with pytest.raises(ConnectionError):
            trickle_on(connection)


def test_an_upload_behind_another_request_is_given_its_time(address, monkeypatch):
    monkeypatch.setattr(http_protocol, "LINGER_SECONDS", 0.1)
    with connected(address) as connection:
        connection.sendall(request("/count", b"12") + request("/count", b"x", length=2))
        read_until(connection, b"\r\n\r\n2")
        time.sleep(0.5)
        connection.sendall(b"y")
        read_until(connection, b"\r\n\r\n2")


@pytest.mark.parametrize(
    "asks",
    [
        request("/much", headers="Connection: close\r\n"),
        request("/much"),
        request("/endless", headers="X-Deadline-Ms: 300\r\n"),
        request("/endless", b"x", length=1000, headers="X-Deadline-Ms: 300\r\n"),
        request("/much") + request("/count", headers="X-Deadline-Ms: 300\r\n"),
    ],
    ids=["closed", "kept", "broken off", "broken off within a body", "never begun"],
)
def test_who_does_not_read_is_cut_off(address, server_side, monkeypatch, asks):
    monkeypatch.setattr(http_protocol, "CLOSE_SECONDS", 0.2)
    monkeypatch.setattr(http_protocol, "SLOWEST_READER", MUCH)
    monkeypatch.setattr(http_protocol, "LINGER_SECONDS", 0.2)
    with connected(address) as connection:
        protocol = server_side(connection)
        protocol.timeout_keep_alive = 0.2
        connection.sendall(asks)
        wait_until(lambda: is_closed(protocol))


def test_who_reads_slowly_is_given_the_time(address, monkeypatch):
    monkeypatch.setattr(http_protocol, "CLOSE_SECONDS", 0)
    with connected(address) as connection:
        connection.sendall(request("/much", headers="Connection: close\r\n"))
        _, _, body = read_to_end(connection).partition(b"\r\n\r\n")
    assert len(body) == MUCH


def test_refusals_that_nobody_reads_do_not_heap_up(address, server_side):
    with connected(address) as connection:
        asks = request("/full") * 30_000 + request("/full", headers="Connection: close\r\n")
        asking = threading.Thread(target=connection.sendall, args=[asks])
        asking.start()
        wait_until(lambda: server_side(connection).flow.write_paused)
        answers = read_to_end(connection)
        asking.join()
    assert answers.count(b"HTTP/1.1 ") == 30_001
    # What comes meanwhile waits in the application, which has no such route.
    assert b"HTTP/1.1 404 " in answers
