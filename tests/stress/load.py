"""A load generator that takes little CPU: prepared bytes on kept connections, no HTTP library."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

LONGEST_SECONDS = 120.0


@dataclass(frozen=True)
class Answer:
    """What came back.

    Args:
        status: HTTP status; 0 where the connection broke.
        seconds: from the first byte sent to the last byte received.
        retry_after: whether the answer said when to come back.
        body: the body.
    """

    status: int
    seconds: float
    retry_after: bool
    body: bytes


class Caller:
    """Calls one server over as many connections as are needed at once.

    Args:
        url: base URL.
    """

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname, address.port
        self._idle: list[_Connection] = []

    async def post(self, content: bytes, path: str = "/v1/analyses") -> Answer:
        """Upload."""
        head = f"POST {path} HTTP/1.1\r\nHost: emotion\r\nContent-Length: {len(content)}\r\n\r\n"
        return await self._call(head.encode() + content)

    async def get(self, path: str) -> Answer:
        """Ask."""
        return await self._call(f"GET {path} HTTP/1.1\r\nHost: emotion\r\n\r\n".encode())

    async def close(self) -> None:
        """Close all connections."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _call(self, request: bytes) -> Answer:
        connection = self._idle.pop() if self._idle else await self._connect()
        answer = await connection.call(request)
        if connection.is_open:
            self._idle.append(connection)
        return answer

    async def _connect(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: _Connection(loop), self._host, self._port)
        return connection


class _Connection(asyncio.Protocol):
    """One connection, one request at a time: streams and tasks would take more time than the request."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._began = 0.0
        self._waiter: asyncio.Future[Answer] | None = None
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # That of uvloop is one by its methods only.
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._answer(0)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        head = head.lower() + b"\r\n"
        place = head.index(b"content-length:") + 15
        if len(body) < int(head[place : head.index(b"\r\n", place)]):
            return
        if b"connection: close" in head:
            self.close()
        self._answer(int(head[9:12]), retry_after=b"retry-after:" in head, body=bytes(body))

    async def call(self, request: bytes) -> Answer:
        """Send a request and wait for the answer to it."""
        if self._transport is None or not self.is_open:
            return Answer(0, 0.0, retry_after=False, body=b"")
        self._received.clear()
        self._waiter = self._loop.create_future()
        self._began = time.perf_counter()
        self._transport.write(request)
        limit = self._loop.call_later(LONGEST_SECONDS, self._is_late)
        try:
            return await self._waiter
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            limit.cancel()

    def close(self) -> None:
        """Close it."""
        self.is_open = False
        if self._transport is not None:
            self._transport.close()

    def _is_late(self) -> None:
        self._answer(0)
        self.close()

    def _answer(self, status: int, *, retry_after: bool = False, body: bytes = b"") -> None:
        if self._waiter is not None and not self._waiter.done():
            seconds = time.perf_counter() - self._began
            self._waiter.set_result(Answer(status, seconds, retry_after, body))


def percentile(values: Sequence[float], per_cent: float) -> float:
    """The value that so many per cent do not exceed; not a number where there are none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * per_cent / 100))]
