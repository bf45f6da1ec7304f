"""The HTTP client for inner services: one deadline over everything, careful retries, a breaker."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from shared.breaker import Breaker
from shared.contracts.problems import MEDIA_TYPE, Problem, ProblemDocument
from shared.deadlines import HEADER as DEADLINE_HEADER
from shared.deadlines import Deadline, current_deadline
from shared.metrics import ServiceMetrics
from shared.pieces import Pieces
from shared.replicas import ReplicaTransport
from shared.request_context import (
    REQUEST_ID_HEADER,
    TRACE_HEADER,
    accept_trace,
    current_request_id,
    current_trace,
)

# A container or machine that is gone swallows what is sent to it; without this a call waits out its deadline.
_CONNECT_SECONDS = 2.0
_LOADING_SECONDS = 0.5


class ServiceDownError(Exception):
    """An inner service gave no usable answer.

    Args:
        service: its name.
        reason: `unreachable`, `late`, `overloaded`, `breaker-open` or `failing`.
    """

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(f"{service}: {reason}")
        self.service = service
        self.reason = reason


class ServiceClient:
    """Calls one inner service. Its operations are pure, so a POST may be sent twice.

    Args:
        service: its name, for errors and metrics.
        base_url: where it listens.
        transport: how bytes travel; None for TCP. Give `httpx.ASGITransport(app)` to stay in the process.
        connections: open connections at most.
        attempts: how often one call is sent at most; again only when it surely did no work
            (no connection, a 503, a connection that broke before any answer). While the service loads its
            networks it is sent as often as its time allows.
        breaker: opens after failures in a row.
        metrics: where durations are counted.
    """

    def __init__(
        self,
        service: str,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        connections: int = 16,
        attempts: int = 2,
        breaker: Breaker | None = None,
        metrics: ServiceMetrics | None = None,
    ) -> None:
        self.service = service
        self._attempts = attempts
        self._breaker = breaker or Breaker()
        self._metrics = metrics
        self._sending: set[asyncio.Task[httpx.Response]] = set()
        if metrics is not None:
            metrics.breaker_open.labels(service).set_function(lambda: float(self._breaker.is_open))
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._http = httpx.AsyncClient(
            base_url=base_url,
            transport=transport or ReplicaTransport(httpx.AsyncHTTPTransport(limits=limits, trust_env=False)),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self._http.aclose()

    async def get(self, path: str, *, seconds: float) -> bytes:
        """GET; see `post`."""
        # A replica that is gone is found out in time to ask the next one, and is then passed over.
        connect_seconds = min(_CONNECT_SECONDS, seconds / 2)
        return await self._call(_Call("GET", path, connect_seconds=connect_seconds), seconds)

    async def post(
        self,
        path: str,
        content: bytes | Pieces,
        *,
        media_type: str,
        parameters: Mapping[str, str] | None = None,
        seconds: float,
    ) -> bytes:
        """POST a body and give the body of the answer.

        Args:
            path: below the base URL.
            content: the body; pieces are released.
            media_type: its media type.
            parameters: query parameters.
            seconds: longest time for this call, retries included; never beyond the request's own deadline.

        Raises:
            Problem: the service refused the call (4xx), as it said.
            ServiceDownError: unreachable, late, overloaded or failing.
        """
        return await self._call(_Call("POST", path, content, media_type, parameters), seconds)

    async def _call(self, call: "_Call", seconds: float) -> bytes:
        own, outer = Deadline.after(seconds), current_deadline.get()
        deadline = own if outer is None else min(own, outer, key=lambda one: one.at)
        if not self._breaker.allows():
            call.release()
            raise ServiceDownError(self.service, "breaker-open")
        try:
            answer = self._unwrap(await self._answer(call, deadline))
        except ServiceDownError as error:
            # That a caller had less time than a call may take says nothing about the service.
            if error.reason != "late" or deadline is own:
                self._breaker.failed()
            raise
        except Problem:
            self._breaker.succeeded()
            raise
        self._breaker.succeeded()
        return answer

    async def _answer(self, call: "_Call", deadline: Deadline) -> httpx.Response:
        """Send in a task of its own, which is cancelled once, however often the caller is.

        A second cancel, as when a deadline passes and the caller gives up at the same moment, would end httpx
        while it gives the connection back, and the pool would count it as busy for ever.
        """
        sending = asyncio.create_task(self._send_until_answered(call, deadline))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)
        sending.add_done_callback(lambda _: call.release())
        try:
            async with asyncio.timeout(deadline.remaining()):
                return await asyncio.shield(sending)
        except TimeoutError as error:
            raise ServiceDownError(self.service, "late") from error
        finally:
            sending.cancel()

    async def _send_until_answered(self, call: "_Call", deadline: Deadline) -> httpx.Response:
        reason = "unreachable"
        for attempt in range(self._attempts):
            if attempt:
                await asyncio.sleep(0.1 * 2 ** (attempt - 1))
            try:
                answer = await self._send_until_loaded(call, deadline)
            except httpx.TransportError:
                reason = "unreachable"
                continue
            if answer.status_code != 503:
                return answer
            reason = "overloaded" if _is_named(answer, "overloaded") else "failing"
        raise ServiceDownError(self.service, reason)

    async def _send_until_loaded(self, call: "_Call", deadline: Deadline) -> httpx.Response:
        """Send work again and again while the service loads its networks, as it does after a crash."""
        answer = await self._send(call, deadline)
        while call.method == "POST" and answer.status_code == 503 and _is_named(answer, "not-ready"):
            await asyncio.sleep(_LOADING_SECONDS)
            answer = await self._send(call, deadline)
        return answer

    async def _send(self, call: "_Call", deadline: Deadline) -> httpx.Response:
        started = time.perf_counter()
        try:
            answer = await self._http.request(
                call.method,
                call.path,
                content=call.content,
                headers=call.headers(deadline),
                params=call.parameters,
                timeout=httpx.Timeout(None, connect=call.connect_seconds),  # the deadline is a total one
            )
        except httpx.TransportError as error:
            self._observe(started, "", type(error).__name__)
            raise
        self._observe(started, str(answer.status_code), "" if answer.is_success else "refused")
        return answer

    def _unwrap(self, answer: httpx.Response) -> bytes:
        if answer.is_success:
            return answer.content
        problem = _problem(answer)
        if problem is not None and 400 <= problem.status < 500:
            raise problem
        raise ServiceDownError(self.service, "late" if answer.status_code == 504 else "failing")

    def _observe(self, started: float, status: str, error_type: str) -> None:
        if self._metrics is not None:
            seconds = time.perf_counter() - started
            self._metrics.client_duration.labels(self.service, status, error_type).observe(seconds)


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    content: bytes | Pieces | None = None
    media_type: str | None = None
    parameters: Mapping[str, str] | None = None
    connect_seconds: float = _CONNECT_SECONDS

    def release(self) -> None:
        """Let go of the body."""
        if isinstance(self.content, Pieces):
            self.content.release()

    def headers(self, deadline: Deadline) -> dict[str, str]:
        headers = {DEADLINE_HEADER: deadline.header(), TRACE_HEADER: accept_trace(current_trace.get())}
        if request_id := current_request_id.get():
            headers[REQUEST_ID_HEADER] = request_id
        if self.media_type is not None:
            headers["content-type"] = self.media_type
        if isinstance(self.content, Pieces):
            headers["content-length"] = str(len(self.content))
        return headers


def _is_named(answer: httpx.Response, name: str) -> bool:
    problem = _problem(answer)
    return problem is not None and problem.name == name


def _problem(answer: httpx.Response) -> Problem | None:
    """Turn a problem document back into the exception that it was."""
    if not answer.headers.get("content-type", "").startswith(MEDIA_TYPE):
        return None
    with contextlib.suppress(ValueError, KeyError):
        return Problem.of(ProblemDocument.model_validate_json(answer.content))
    return None
