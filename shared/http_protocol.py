"""HTTP/1.1 on a socket as uvicorn speaks it, with the limits that uvicorn leaves out.

Without them, one client could fill the memory with headers or trailers that never end, hold connections for
ever by sending nothing, one byte a second or by reading nothing, and an answer given before the body was read
could be lost to a reset.
"""

import asyncio
import logging
import resource
from typing import Any, cast

import httptools
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.contracts.problems import CATALOGUE, MEDIA_TYPE, Problem
from shared.front_door import front_door_of
from shared.request_context import REQUEST_ID_HEADER, accept_request_id
from shared.security_headers import ALWAYS

MAX_HEAD_BYTES = 64 * 1024
MAX_TRAILER_BYTES = 8 * 1024
HEAD_SECONDS = 15.0
LINGER_SECONDS = 30.0
CLOSE_SECONDS = 10.0
SLOWEST_READER = 32 * 1024  # bytes a second
_AFTER_REFUSAL_SECONDS = 5.0
_REQUEST_ID = REQUEST_ID_HEADER.encode("ascii")
_SECURITY_HEADERS = "".join(f"{name.lower()}: {value}\r\n" for name, value in ALWAYS.items())

# uvicorn warns there of every request that is none; the front door tells all of a second in one line.
_faults_only = logging.getLogger("shared.http")
_faults_only.setLevel(logging.ERROR)


def most_connections() -> int:
    """Give how many connections may be open: half of the descriptors that this process may have."""
    return max(16, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


def problem_message(problem: Problem, request_id: str, *, stays: bool) -> bytes:
    """Give a problem as an answer of HTTP/1.1, head and body.

    Args:
        problem: to be told.
        request_id: of the request that it answers.
        stays: whether the connection is kept.
    """
    body = problem.document(request_id).model_dump_json(exclude_none=True).encode()
    reason = CATALOGUE[problem.name][1]
    retry = "" if problem.retry_after is None else f"retry-after: {problem.retry_after}\r\n"
    close = "" if stays else "connection: close\r\n"
    head = (
        f"HTTP/1.1 {problem.status} {reason}\r\ncontent-type: {MEDIA_TYPE}\r\n"
        f"content-length: {len(body)}\r\n{retry}{REQUEST_ID_HEADER}: {request_id}\r\n"
        f"{_SECURITY_HEADERS}{close}\r\n"
    )
    return head.encode("ascii") + body


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection, held to limits beyond uvicorn's.

    - a request line with its headers is at most `MAX_HEAD_BYTES` long (431) and arrives whole within
      `HEAD_SECONDS` (408), counted from the moment at which the connection opened or its first byte came;
    - trailers, and whatever else comes within a body without being of it, are thrown away, and more than
      `MAX_TRAILER_BYTES` of them end the connection;
    - a body that nobody wants any more, because the answer was given or broken off, is read and thrown away
      for at most `LINGER_SECONDS`, so that the client can read the answer, and then the connection is closed;
    - a connection to be closed whose client has not read all is cut off after `CLOSE_SECONDS`, and the time
      that `SLOWEST_READER` bytes a second would take;
    - beyond `most_connections()` a connection is answered 503 at once;
    - what is not HTTP is answered with a problem document too;
    - what the application's `FrontDoor` refuses is answered here, and what is refused here is told to it.
    """

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._in_head = False
        # What came since the message, or the last of its body, whose own piece is not counted.
        self._bytes_beside_body = 0
        self._body_left = False
        self._closing = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._linger_timer: asyncio.TimerHandle | None = None
        self._close_timer: asyncio.TimerHandle | None = None
        self.logger = _faults_only
        self._door = front_door_of(self.config.app)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Take a connection, or refuse it."""
        super().connection_made(transport)
        if len(self.connections) > most_connections():
            problem = Problem("overloaded", "Too many connections are open.", retry_after=2)
            self._refuse(problem)
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._stop_timers()
        super().connection_lost(exc)
        if self._close_timer is not None:
            self._close_timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self._closing and not self._body_left:
            return
        self._bytes_beside_body += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        if self._in_head:
            if self._bytes_beside_body > MAX_HEAD_BYTES:
                self._refuse(_head_too_large())
        elif self._body_left:
            if self._bytes_beside_body > MAX_TRAILER_BYTES:
                self.transport.abort()
        elif self._head_timer is None and not self._answering() and self._awaits_message():
            # Not yet a message: empty lines, say.
            self._await_head()

    def on_message_begin(self) -> None:
        """Start counting."""
        super().on_message_begin()
        self._in_head = True
        self._bytes_beside_body = 0
        if self._head_timer is None:
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field of the head, and none that comes after the body."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Stop counting, and let the answer's end wait for the body's."""
        self._in_head = False
        self._stop_timers()
        self._body_left = True
        if self._is_refused_at_the_door():
            return
        try:
            super().on_headers_complete()
        except httptools.HttpParserError:
            # An address that is none: there was no answer that a body could still belong to.
            self._body_left = False
            raise
        if self.cycle is not None:
            self.cycle.transport = cast("asyncio.Transport", _Lingering(self))

    def on_body(self, body: bytes) -> None:
        """Start counting again."""
        super().on_body(body)
        self._bytes_beside_body = 0

    def on_message_complete(self) -> None:
        """Note that the body is complete."""
        super().on_message_complete()
        self._body_left = False
        if self._closing:
            self._stop_timers()
            self._close()
        elif self.cycle is not None and self.cycle.response_complete:
            self._stop_timers()
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """Give the rest of the body, if there is one, some time to arrive."""
        super().on_response_complete()
        # The body may be that of a later request, which waits for its turn.
        if self._body_left and not self._answering() and not self.transport.is_closing():
            self._linger()

    def timeout_keep_alive_handler(self) -> None:
        """Close, for no further request has come."""
        self._close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are plain text
        """Refuse what is not HTTP."""
        if len(self.url) >= MAX_HEAD_BYTES:
            # The parser takes no address as long as that.
            self._refuse(_head_too_large())
        else:
            self._refuse(Problem("bad-request", "What was sent is not a request of HTTP/1.1."))

    def close_after_body(self) -> None:
        """Close once the client had the chance to read the answer."""
        if not self._body_left:
            self._close()
            return
        self._closing = True
        self._linger()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _is_refused_at_the_door(self) -> bool:
        """Answer at once what the front door refuses; the body, if one comes, is read and thrown away."""
        # One that asks before it sends a body, and one behind an earlier request or behind answers that
        # nobody has read, go the long way.
        if (
            self._door is None
            or self._answering()
            or self.flow.write_paused
            or self.expect_100_continue
            or self.parser.should_upgrade()
        ):
            return False
        problem = self._door.refusal(self.parser.get_method(), self.url, self.headers)
        if problem is None:
            return False
        sent = next((value for name, value in self.headers if name == _REQUEST_ID), b"")
        stays = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        self.cycle = cast("RequestResponseCycle", _Refused(keep_alive=stays))
        request_id = accept_request_id(sent.decode("latin-1"))
        self.transport.write(problem_message(problem, request_id, stays=stays))
        self.server_state.total_requests += 1
        self._linger()
        if not stays:
            self.close_after_body()
        return True

    def _linger(self) -> None:
        if self._linger_timer is None:
            self._linger_timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _close(self) -> None:
        self.transport.close()
        if self._close_timer is None:
            seconds = CLOSE_SECONDS + self.transport.get_write_buffer_size() / SLOWEST_READER
            self._close_timer = self.loop.call_later(seconds, self.transport.abort)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        async def run(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
            try:
                await app(scope, receive, send)
            finally:
                if self.flow.write_paused and not cycle.response_complete:
                    # uvicorn would wait without end for a reader, to say that the answer is broken off.
                    cycle.disconnected = True
                    self.close_after_body()

        super()._start_asgi_task(cycle, run)

    def _awaits_message(self) -> bool:
        return not self._body_left and self.timeout_keep_alive_task is None

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self.transport.is_closing():
            return
        if self._answering():
            self._await_head()
        elif self._in_head:
            self._refuse(Problem("upload-too-slow", "The headers of the request did not arrive in time."))
        else:
            self._close()

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._linger_timer):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._linger_timer = None

    def _refuse(self, problem: Problem) -> None:
        """Answer without asking the application, and close."""
        self._stop_timers()
        self._closing = True
        if self._answering():
            if self.cycle.more_body:
                self.transport.abort()
            else:
                # What follows a good request does not take its answer away.
                self.cycle.keep_alive = False
            return
        if self._body_left:
            # It has its answer.
            self._close()
            return
        if self._door is not None:
            self._door.refused(problem)
        self.transport.write(problem_message(problem, accept_request_id(None), stays=False))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._linger_timer = self.loop.call_later(_AFTER_REFUSAL_SECONDS, self.transport.abort)


class _Refused:
    """What uvicorn takes for a request that has been answered."""

    def __init__(self, *, keep_alive: bool) -> None:
        self.response_complete = True
        self.more_body = False
        self.keep_alive = keep_alive
        self.message_event = asyncio.Event()


class _Lingering:
    """The transport as the answering side sees it: its `close` waits for the rest of the request."""

    def __init__(self, protocol: BoundedHttpProtocol) -> None:
        self._protocol = protocol

    def close(self) -> None:
        self._protocol.close_after_body()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol.transport, name)


def _head_too_large() -> Problem:
    detail = f"The request line and headers are longer than {MAX_HEAD_BYTES} bytes."
    return Problem("header-too-large", detail)
