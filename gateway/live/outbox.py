"""What waits to be sent: bounded, in order, and cut off where nobody reads it."""

import asyncio

from starlette.websockets import WebSocket

from shared.contracts.base import Contract
from shared.contracts.problems import Problem

_MOST_WAITING = 256


class Outbox:
    """Sends events one after the other.

    Args:
        socket: where to.
        seconds: how long one event may take until the connection has taken it.
    """

    def __init__(self, socket: WebSocket, *, seconds: float) -> None:
        self._socket = socket
        self._seconds = seconds
        self._waiting: asyncio.Queue[str | None] = asyncio.Queue(_MOST_WAITING)

    def put(self, event: Contract) -> None:
        """Send an event soon.

        Raises:
            Problem: `reader-too-slow` where too many wait.
        """
        self._add(event.model_dump_json())

    def close(self) -> None:
        """Let `deliver` end when everything has been sent; see `put`."""
        self._add(None)

    async def deliver(self) -> None:
        """Send what is put in, until `close`.

        Raises:
            Problem: `reader-too-slow`.
            starlette.websockets.WebSocketDisconnect: the client is gone.
        """
        while (text := await self._waiting.get()) is not None:
            try:
                async with asyncio.timeout(self._seconds):
                    await self._socket.send_text(text)
            except TimeoutError as error:
                raise _too_slow() from error

    def _add(self, text: str | None) -> None:
        try:
            self._waiting.put_nowait(text)
        except asyncio.QueueFull as error:
            raise _too_slow() from error


def _too_slow() -> Problem:
    return Problem("reader-too-slow", "The events of this stream are not read as fast as they come.")
