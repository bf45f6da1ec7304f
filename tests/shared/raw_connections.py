"""Requests byte by byte over a socket, and what is read from it."""

import contextlib
import json
import socket
import time

PATIENCE = 60.0
# More than the kernel keeps for a reader.
MUCH = 12_000_000
# Refused by the application, and by the connection.
REFUSED = ["/refuse", "/full?fps=5"]
CHUNKED = b"POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@contextlib.contextmanager
def connected(address):
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        yield connection


def wait_until(happened):
    give_up = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def is_closed(protocol):
    return protocol not in protocol.connections


def read_to_end(connection):
    """All that comes until the server closes."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def read_until(connection, end):
    """All that comes until it ends so."""
    answer = b""
    while not answer.endswith(end):
        part = connection.recv(65_536)
        assert part, answer
        answer += part
    return answer


def read_problem(connection):
    """All that comes until a problem has ended."""
    answer = b""
    while b"remedy" not in answer or not answer.endswith(b"}"):
        part = connection.recv(65_536)
        assert part
        answer += part
    return answer


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
