"""WebSockets on a socket as uvicorn speaks them, with the limits that uvicorn leaves out.

Without them, somebody whom nobody knows yet could have megabytes held in memory, a slow reader could have as
much wait for it in the kernel, one that never reads, or whose handshake cannot be read, could hold its
connection for ever, and one that sends frames of a few bytes could keep everybody else waiting.
"""

import asyncio
import logging
import socket
from asyncio import BaseTransport
from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from shared.allowance import Allowance
from shared.contracts.problems import Problem
from shared.front_door import front_door_of
from shared.http_protocol import problem_message
from shared.request_context import accept_request_id

FIRST_MESSAGE_BYTES = 64 << 10
PING_SECONDS = 20.0
# Events are small: these are minutes of them. As much again is in the kernel.
_SEND_BUFFER_BYTES = 64 << 10
_KERNEL_BUFFER_BYTES = 64 << 10
_CLOSE_SECONDS = 2.0
# A control frame, and a short piece of a message that goes on, costs as much as a message and is none that
# an application could count; a pong to each ping waits for whoever does not read.
_SMALL_FRAMES_PER_SECOND = 50
_SMALL_BYTES = 1024
# So much is read at once, lest a thousand frames of six bytes are dealt with before anybody looks.
_READ_BYTES = 8 << 10
_AGAINST_THE_RULES = 1008

# uvicorn logs the address and query of each handshake there; the gateway writes a line of its own.
_quiet = logging.getLogger("shared.websockets")
_quiet.setLevel(logging.WARNING)


def _is_fault_of_ours(line: logging.LogRecord) -> bool:
    """Leave out what uvicorn logs, with a traceback, of a text message that is not UTF-8: closing says it."""
    return not (line.exc_info and isinstance(line.exc_info[1], UnicodeDecodeError))


_quiet.addFilter(_is_fault_of_ours)


class BoundedWebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection, held to limits beyond uvicorn's.

    - a handshake that cannot be read (another method than GET, a body, a header of over 8 KiB, over 128 of
      them) is answered 400 at once;
    - until the application has answered one, messages are at most `FIRST_MESSAGE_BYTES` long;
    - the kernel and this process keep at most some dozens of kilobytes for a reader that does not read;
    - control frames, and pieces of less than `_SMALL_BYTES` that do not end a message, may be
      `_SMALL_FRAMES_PER_SECOND`, averaged over ten seconds; more end the connection with 1008;
    - `_CLOSE_SECONDS` after the application has ended, or after the client has left a ping unanswered, the
      connection is cut off, read or not; what is sent meanwhile finds the client gone.
    """

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.logger = self.conn.logger = _quiet
        self.close_timeout = _CLOSE_SECONDS
        self._cut_off: asyncio.TimerHandle | None = None
        self._small_frames = Allowance(_SMALL_FRAMES_PER_SECOND)
        self._is_flooded = False
        self.conn.max_message_size = FIRST_MESSAGE_BYTES

    def connection_made(self, transport: BaseTransport) -> None:
        """Take over a connection whose handshake has begun."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=_SEND_BUFFER_BYTES)
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        if self._cut_off is not None:
            self._cut_off.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        for begin in range(0, len(data), _READ_BYTES):
            super().data_received(data[begin : begin + _READ_BYTES])
            if self.transport.is_closing():
                break
            if self._is_flooded:
                self._end_flood()
                break
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self._refuse(Problem("bad-request", "What was sent is not a handshake of a WebSocket."))

    def handle_ping(self) -> None:
        """Answer a ping."""
        self._count_small_frame()
        super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Take a pong, asked for or not."""
        self._count_small_frame()
        super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        """Take the next piece of a message."""
        if not event.fin and len(event.data) < _SMALL_BYTES:
            self._count_small_frame()
        super().handle_cont(event)

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the application sends: whoever is answered is known.

        Raises:
            ClientDisconnected: the client has left a ping unanswered, or the connection is closed.
        """
        try:
            await super().send(message)
        except RuntimeError as error:
            # uvicorn takes it for a fault of the application, which has not been told yet.
            if self.transport.is_closing():
                raise ClientDisconnected from error
            raise
        if message["type"] == "websocket.send":
            self.conn.max_message_size = self.config.ws_max_size

    def on_task_complete(self, task: "asyncio.Task[None]") -> None:
        """Give the reader a little time for what was sent last, then cut it off."""
        super().on_task_complete(task)
        self._cut_off_soon()

    def keepalive_timeout(self) -> None:
        """Say that the connection ends, and end it: who answers no ping may read nothing either."""
        super().keepalive_timeout()
        self._cut_off_soon()

    def _count_small_frame(self) -> None:
        if not self._small_frames.take(1):
            self._is_flooded = True

    def _end_flood(self) -> None:
        problem = Problem("too-fast", "Too many control frames, or short pieces of messages, a second.")
        if (door := front_door_of(self.config.app)) is not None:
            door.refused(problem)
        self.conn.fail(_AGAINST_THE_RULES, f"{problem.name}: {problem.detail}")
        if self.conn.close_sent is None:
            # Nobody has answered its handshake yet.
            self.transport.abort()
            return
        self.handle_parser_exception()
        self._cut_off_soon()

    def _refuse(self, problem: Problem) -> None:
        if (door := front_door_of(self.config.app)) is not None:
            door.refused(problem)
        self.transport.write(problem_message(problem, accept_request_id(None), stays=False))
        self.transport.close()
        self._cut_off_soon()

    def _cut_off_soon(self) -> None:
        if not self.disconnected and self._cut_off is None:
            self._cut_off = self.loop.call_later(_CLOSE_SECONDS, self.transport.abort)
