"""Who may open a live stream, and how every stream ends: with one log line and a reason."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from ulid import ULID

from gateway.addresses import ANY_ORIGIN
from gateway.admission import Admission
from gateway.callers import identify_caller, key_of
from gateway.fairness import Fairness
from gateway.live.closing import DONE, close_code, close_reason
from gateway.live.messages import parse_opening
from gateway.live.metrics import LiveMetrics
from gateway.live.settings import LiveSettings
from gateway.live.stream import LiveStream
from gateway.settings import GatewaySettings
from shared.contracts.live import LiveOpen, LiveProblem, LiveReady
from shared.contracts.problems import Problem
from shared.metrics import ServiceMetrics
from shared.request_context import current_request_id, current_service

SUBPROTOCOL = "emotion.live.1"
_FAREWELL_SECONDS = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _End:
    """How a connection ended.

    Args:
        name: `done`, `gone`, or the name of a problem.
        code: it was closed with.
    """

    name: str
    code: int


class LiveDoor:
    """Serves one connection from its handshake to its close code.

    Args:
        socket: not accepted yet.
    """

    def __init__(self, socket: WebSocket) -> None:
        state = socket.app.state
        self._socket = socket
        self._state = state
        self._settings: GatewaySettings = state.settings
        self._live: LiveSettings = state.settings.live
        self._session = f"lv_{ULID()}"
        self._stream: LiveStream | None = None

    async def serve(self) -> None:
        """Serve the connection; whatever happens becomes a close code."""
        began = time.monotonic()
        with _context(self._session):
            end = await self._end_of_stream()
            self._record(end, time.monotonic() - began)

    async def _end_of_stream(self) -> _End:
        try:
            await self._open_and_run()
        except BaseExceptionGroup as group:
            return await self._end_by(first_of(group))
        except Exception as error:  # noqa: BLE001 - the last catch: nobody gets a traceback
            return await self._end_by(error)
        await self._close(DONE, "done")
        return _End("done", DONE)

    async def _end_by(self, error: BaseException) -> _End:
        if isinstance(error, WebSocketDisconnect):
            return _End("gone", error.code)
        if isinstance(error, Problem):
            return await self._refuse(error)
        _log.error("unhandled exception", exc_info=error)
        return await self._refuse(Problem("internal-error", "The server met a fault of its own."))

    async def _open_and_run(self) -> None:
        wanted = self._socket.scope.get("subprotocols", [])
        await self._socket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in wanted else None)
        check_origin(self._socket, self._settings.cors_origins)
        options = await self._opening()
        caller = identify_caller(self._socket, options.key or key_of(self._socket))
        options = options.model_copy(update={"key": None})
        fairness: Fairness = self._state.fairness
        places: Admission = self._state.live_places
        with fairness.enter(caller):
            async with places.enter():
                ready = LiveReady(session=self._session, limits=self._live.shown(), options=options)
                await self._socket.send_text(ready.model_dump_json())
                self._stream = LiveStream(
                    self._socket, options, self._state.live_tools, self._live, self._state.live_metrics
                )
                await self._stream.run()

    async def _opening(self) -> LiveOpen:
        try:
            async with asyncio.timeout(self._live.opening_seconds):
                message = await self._socket.receive()
        except TimeoutError as error:
            detail = f"No opening message came within {self._live.opening_seconds:g} s."
            raise Problem("stream-idle", detail) from error
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        return parse_opening(message)

    async def _refuse(self, problem: Problem) -> _End:
        metrics: ServiceMetrics = self._state.metrics
        metrics.refusals.labels(problem.name).inc()
        event = LiveProblem(problem=problem.document(self._session))
        with contextlib.suppress(WebSocketDisconnect, TimeoutError, RuntimeError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await self._socket.send_text(event.model_dump_json(exclude_none=True))
        code = close_code(problem)
        await self._close(code, close_reason(problem))
        return _End(problem.name, code)

    async def _close(self, code: int, reason: str) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            with contextlib.suppress(WebSocketDisconnect, TimeoutError, RuntimeError):
                async with asyncio.timeout(_FAREWELL_SECONDS):
                    await self._socket.close(code, reason)

    def _record(self, end: _End, seconds: float) -> None:
        fields: dict[str, Any] = {"end": end.name, "code": end.code, "ms": round(seconds * 1000, 1)}
        metrics: LiveMetrics = self._state.live_metrics
        if self._stream is not None:
            stream = self._stream
            fields |= {
                "media_seconds": round(stream.seconds, 3),
                "bytes": stream.bytes_received,
                "frames": stream.counts.frames.shown().model_dump(),
                "sound": stream.counts.sound.shown().model_dump(),
            }
            metrics.ended(end.name, end.code)
        elif end.name != "gone":
            metrics.refused(end.name)
        _log.info("live stream", extra={"fields": fields})


def check_origin(socket: WebSocket, allowed: tuple[str, ...]) -> None:
    """Refuse a page that is neither this server's own nor of an allowed origin; programs name none.

    Raises:
        Problem: `wrong-origin`.
    """
    origin = socket.headers.get("origin")
    if origin is None or origin in allowed or ANY_ORIGIN in allowed:
        return
    # Not urlsplit, which raises at what is no URL: whoever is no browser may send anything.
    if origin.partition("://")[2] != socket.headers.get("host"):
        raise Problem("wrong-origin", "A page of this origin may not ask here.", field="Origin")


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give the exception that a group of tasks failed with: the others were only cancelled."""
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first


@contextlib.contextmanager
def _context(session: str) -> Iterator[None]:
    """Carry the stream's id to log lines and inner calls, as a request's."""
    tokens = (
        (current_service, current_service.set("gateway")),
        (current_request_id, current_request_id.set(session)),
    )
    try:
        yield
    finally:
        for variable, token in tokens:
            variable.reset(token)
