"""Requests as bytes on a socket, for what no well-behaved client can be made to send."""

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class RawAnswer:
    """An answer: status, header lines in small letters, body."""

    status: int
    head: str
    body: bytes

    @property
    def problem(self) -> str:
        """Name of the problem that the body is."""
        assert "application/problem+json" in self.head
        document: dict[str, Any] = json.loads(self.body)
        assert document["status"] == self.status
        assert document["remedy"]
        return str(document["type"]).removeprefix("/problems/")


@contextlib.contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    """Connect to the server at a base URL."""
    address = urlsplit(url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port), timeout=PATIENCE_SECONDS) as connection:
        yield connection


def head(path: str = "/v1/analyses", method: str = "POST", **headers: object) -> bytes:
    """A request line with headers; an underscore in a name stands for a hyphen."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: emotion", *lines, "", ""]).encode()


def read_answer(connection: socket.socket) -> RawAnswer:
    """Read one answer that says its length; `100 Continue` before it is skipped.

    Raises:
        ConnectionError: the server closed the connection instead.
    """
    received = b""
    while True:
        while b"\r\n\r\n" not in received:
            received += _more(connection)
        raw, _, received = received.partition(b"\r\n\r\n")
        text = raw.decode("latin-1").lower()
        status = int(text.split()[1])
        if status != 100:
            break
    lengths = [line.split(":")[1] for line in text.split("\r\n") if line.startswith("content-length:")]
    while len(received) < int(lengths[0]):
        received += _more(connection)
    return RawAnswer(status, text, received)


def _more(connection: socket.socket) -> bytes:
    part = connection.recv(65_536)
    if not part:
        raise ConnectionError("the server closed the connection")
    return part


def form_part(name: str, content: bytes, *, boundary: str = "b", more: str = "") -> bytes:
    """One part of a multipart form."""
    lines = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n{more}\r\n'
    return lines.encode() + content + b"\r\n"
