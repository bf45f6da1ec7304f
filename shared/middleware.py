"""What happens around every request: id, trace, deadline, metrics, one log line, and a last catch."""

import asyncio
import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.contracts.problems import Problem
from shared.deadlines import HEADER as DEADLINE_HEADER
from shared.deadlines import Deadline, current_deadline
from shared.metrics import ServiceMetrics
from shared.problem_answers import problem_response
from shared.request_context import (
    REQUEST_ID_HEADER,
    TRACE_HEADER,
    accept_request_id,
    accept_trace,
    current_notes,
    current_request_id,
    current_service,
    current_trace,
    note,
)
from shared.security_headers import add_security_headers, explorer_policy

_log = logging.getLogger("shared.requests")
_QUIET = {"/health/live", "/health/ready", "/metrics"}
_EXPLORERS = {"/docs", "/redoc"}


class RequestContextMiddleware:
    """Outermost ASGI layer of every service.

    Args:
        app: what it wraps.
        service: its name, for the logs.
        metrics: where requests are counted.
        longest_seconds: deadline of a request that brings none, and the most that one may bring.
    """

    def __init__(
        self, app: ASGIApp, *, service: str, metrics: ServiceMetrics, longest_seconds: float
    ) -> None:
        self._app = app
        self._service = service
        self._metrics = metrics
        self._longest_seconds = longest_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        # Nothing of ours is worth asking for in parts, so Range is ignored, as it may be (RFC 9110, 14.2):
        # what the framework answers to a wrong one is no problem document.
        scope["headers"] = [header for header in scope["headers"] if header[0] != b"range"]
        request_id = accept_request_id(headers.get(REQUEST_ID_HEADER))
        tokens = (
            (current_service, current_service.set(self._service)),
            (current_request_id, current_request_id.set(request_id)),
            (current_trace, current_trace.set(accept_trace(headers.get(TRACE_HEADER)))),
        )
        notes_token = current_notes.set({})
        answer = _Answer(send, request_id, is_explorer=scope["path"] in _EXPLORERS)
        active = self._metrics.active_requests.labels(_known_method(scope["method"]))
        active.inc()
        started = time.perf_counter()
        try:
            await self._call(scope, receive, answer, headers)
        finally:
            active.dec()
            self._record(scope, answer.status, time.perf_counter() - started)
            current_notes.reset(notes_token)
            for variable, token in tokens:
                variable.reset(token)

    async def _call(self, scope: Scope, receive: Receive, answer: "_Answer", headers: Headers) -> None:
        deadline_token = None
        try:
            deadline = self._deadline(headers)
            deadline_token = current_deadline.set(deadline)
            async with asyncio.timeout(deadline.remaining()) as timer:
                await self._app(scope, receive, answer)
        except Problem as known:
            await self._answer_problem(scope, receive, answer, known)
        except asyncio.CancelledError:
            # The server stops, and has waited `shutdown_seconds`; nobody else cancels a request from outside.
            stopping = Problem("service-unavailable", "The server is stopping.", retry_after=5)
            is_begun = answer.status is not None
            await self._answer_problem(scope, receive, answer, stopping)
            if is_begun:
                # What was cut off must not pass for whole.
                raise
        except Exception as error:  # noqa: BLE001 - the last catch: nobody gets a traceback
            if isinstance(error, TimeoutError) and timer.expired():
                problem = Problem("deadline-exceeded", "The time allowed for this request is over.")
            elif answer.status is not None and isinstance(error.__cause__, Problem):
                # In the middle of an answer the framework hands no problem on as it is.
                problem = error.__cause__
            else:
                _log.exception("unhandled exception")
                problem = Problem("internal-error", "The server met a fault of its own.")
            await self._answer_problem(scope, receive, answer, problem)
        finally:
            if deadline_token is not None:
                current_deadline.reset(deadline_token)

    def _deadline(self, headers: Headers) -> Deadline:
        own = Deadline.after(self._longest_seconds)
        brought = headers.get(DEADLINE_HEADER)
        if brought is None:
            return own
        return min(own, Deadline.from_header(brought), key=lambda deadline: deadline.at)

    async def _answer_problem(
        self, scope: Scope, receive: Receive, answer: "_Answer", problem: Problem
    ) -> None:
        self._metrics.refusals.labels(problem.name).inc()
        note(problem=problem.name)
        if answer.status is None:
            await problem_response(problem)(scope, receive, answer)

    def _record(self, scope: Scope, status: int | None, seconds: float) -> None:
        route = scope.get("route")
        path = getattr(route, "path", "unmatched")
        method = _known_method(scope["method"])
        self._metrics.request_duration.labels(method, path, str(status or 499)).observe(seconds)
        if path not in _QUIET:
            fields = {"method": method, "route": path, "status": status, "ms": round(seconds * 1000, 1)}
            _log.info("request", extra={"fields": {**fields, **(current_notes.get() or {})}})


def _known_method(method: str) -> str:
    known = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}
    return method if method in known else "_OTHER"


class _Answer:
    """The send side: remembers the status, adds the headers that every answer carries.

    Args:
        send: where messages go.
        request_id: for its header.
        is_explorer: the answer is a page whose policy depends on what is in it.
    """

    def __init__(self, send: Send, request_id: str, *, is_explorer: bool) -> None:
        self._send = send
        self._request_id = request_id
        self._is_explorer = is_explorer
        self._held: Message | None = None
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._request_id
            if "Accept-Ranges" in headers:
                headers["Accept-Ranges"] = "none"
            if self._is_explorer:
                self._held = message
                return
            add_security_headers(headers)
        elif self._held is not None:
            start, self._held = self._held, None
            headers = MutableHeaders(scope=start)
            headers["Content-Security-Policy"] = explorer_policy(message.get("body", b""))
            add_security_headers(headers)
            await self._send(start)
        await self._send(message)
