"""A load generator that takes little CPU: prepared bytes on kept connections, no HTTP library."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
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
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, content: bytes, path: str = "/v1/analyses") -> Answer:
        """Upload."""
        head = f"POST {path} HTTP/1.1\r\nHost: emotion\r\nContent-Length: {len(content)}\r\n\r\n"
        return await self._call(head.encode() + content)

    async def get(self, path: str) -> Answer:
        """Ask."""
        return await self._call(f"GET {path} HTTP/1.1\r\nHost: emotion\r\n\r\n".encode())

    async def close(self) -> None:
        """Close all connections."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    async def _call(self, request: bytes) -> Answer:
        reader, writer = (
            self._idle.pop() if self._idle else await asyncio.open_connection(self._host, self._port)
        )
        began = time.perf_counter()
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                writer.write(request)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                place = head.index(b"content-length:")
                body = await reader.readexactly(int(head[place + 15 : head.index(b"\r\n", place)]))
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            return Answer(0, time.perf_counter() - began, retry_after=False, body=b"")
        except BaseException:
            writer.close()
            raise
        seconds = time.perf_counter() - began
        if b"connection: close" in head:
            writer.close()
        else:
            self._idle.append((reader, writer))
        return Answer(int(head[9:12]), seconds, b"retry-after:" in head, body)


def percentile(values: Sequence[float], per_cent: float) -> float:
    """The value that so many per cent do not exceed; not a number where there are none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * per_cent / 100))]
