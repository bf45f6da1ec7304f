"""Refusals before a body has ended, by the application and by the connection: every one can be read."""

import time

import httpx
import pytest

from tests.shared.raw_connections import (
    PATIENCE,
    REFUSED,
    connected,
    parsed,
    problem,
    read_problem,
    read_to_end,
    read_until,
    request,
)


@pytest.mark.parametrize("path", REFUSED)
@pytest.mark.parametrize("headers", ["", "Connection: close\r\n"])
def test_an_answer_before_the_end_of_the_body_can_be_read(address, headers, path):
    """Closing at once would reset the connection, and the client would lose the answer."""
    body = bytes(20_000_000)
    with connected(address) as connection:
        connection.sendall(request(path, body, headers=headers))
        answer = read_problem(connection)
    head = problem(answer, 503, "overloaded")
    assert b"retry-after: 2" in head
    assert (b"connection: close" in head) == bool(headers)


@pytest.mark.parametrize("path", REFUSED)
def test_a_connection_lives_on_after_a_refused_body(address, path):
    with connected(address) as connection:
        for _ in range(3):
            connection.sendall(request(path, bytes(3_000_000)))
            problem(read_problem(connection), 503, "overloaded")
        connection.sendall(request("/count", b"abc"))
        read_until(connection, b"\r\n\r\n3")


def test_a_refusal_by_the_connection_looks_like_one_by_the_application(address):
    found = []
    for path in REFUSED:
        with connected(address) as connection:
            headers = "X-Request-Id: mine-1\r\nConnection: close\r\n"
            connection.sendall(request(path, b"abc", headers=headers))
            status, head, document = parsed(read_to_end(connection))
        names = {line.split(b":")[0] for line in head.split(b"\r\n")[1:]}
        assert b"x-request-id: mine-1" in head
        assert document["request_id"] == "mine-1"
        found.append((status, names - {b"date"}, document))
    assert found[0] == found[1]


def test_refusals_in_one_piece_with_others_are_answered_in_order(address):
    with connected(address) as connection:
        connection.sendall(request("/full", b"1") + request("/count", b"22") + request("/full", b"3"))
        answers = b""
        while answers.count(b"HTTP/1.1 ") < 3 or answers.count(b"remedy") < 2:
            answers += connection.recv(65_536)
    # Behind one that is being answered the application decides, and this one has no such route.
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"503", b"200", b"404"]


def test_who_asks_before_the_body_goes_to_the_application(address):
    """It would not be told to go on, and what it sends next could not be told from a body."""
    with connected(address) as connection:
        connection.sendall(
            request("/full", length=3, headers="Expect: 100-continue\r\nConnection: close\r\n")
        )
        assert b" 404 " in read_to_end(connection)


def test_what_connections_refuse_is_counted_and_logged_together(address, caplog):
    def refused(name):
        with httpx.Client() as client:
            text = client.get(f"http://{address[0]}:{address[1]}/metrics").text
        line = f'emotion_refusals_total{{problem="{name}"}} '
        return sum(float(each[len(line) :]) for each in text.splitlines() if each.startswith(line))

    def said():
        lines = [record.fields["refused"] for record in caplog.records if "refused by" in record.message]
        return sum(line.get("bad-request", 0) for line in lines)

    before = refused("bad-request"), refused("overloaded")
    with caplog.at_level("INFO", logger="shared.requests"):
        for said_by_client in (b"no HTTP\r\n\r\n", b"\x16\x03\r\n\r\n"):
            with connected(address) as connection:
                connection.sendall(said_by_client)
                problem(read_to_end(connection), 400, "bad-request")
        with connected(address) as connection:
            connection.sendall(request("/full", headers="Connection: close\r\n"))
            problem(read_to_end(connection), 503, "overloaded")
        give_up = time.monotonic() + PATIENCE
        while said() < 2:
            assert time.monotonic() < give_up
            time.sleep(0.02)
    assert (refused("bad-request"), refused("overloaded")) == (before[0] + 2, before[1] + 1)
