"""Jobs over HTTP: handed in by `POST /v1/analyses`, then looked at, followed, and erased by their id."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import Response, StreamingResponse
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Receive, Scope, Send

from gateway.callers import Caller, CallerOf
from gateway.connection import while_connected
from gateway.exports.answers import example_contents, export_headers
from gateway.exports.format import ExportFormat
from gateway.jobs.following import Follower, first_of
from gateway.jobs.jobs import Handed, Jobs
from gateway.jobs.results import StoredResult
from gateway.options import AnalysisOptions
from gateway.preferences import Preference
from gateway.routes.accepted import AcceptedFormat
from gateway.routes.job_examples import EVENTS_EXAMPLE, EVENTS_SCHEMA, FINISHED, QUEUED
from gateway.upload import UploadRules, receive_upload
from shared.contracts.analyses import Analysis
from shared.contracts.jobs import Job, JobState
from shared.contracts.problems import Problem
from shared.deadlines import Deadline, current_deadline
from shared.problem_answers import problem_response, problem_responses
from shared.request_context import note

if TYPE_CHECKING:
    from gateway.jobs.records import JobRecord

_Event = TypeVar("_Event")

router = APIRouter(prefix="/v1", tags=["jobs"])

# So much of a request's time is left for the answer itself.
_MARGIN = 0.9
_PING_SECONDS = 15.0
_FAREWELL_SECONDS = 2.0
# After a job that failed because a service was down.
_RETRY_SECONDS = 5

AnalysisId = Annotated[
    str,
    Path(
        min_length=1,
        max_length=64,
        description="From `Location`.",
        examples=["an_01K8Z3N5T0V7Q4W2X9Y6B1C3D5"],
    ),
]

JOB_HEADERS: dict[str, Any] = {
    "Location": {"description": "Where the job is.", "schema": {"type": "string"}},
    "Preference-Applied": {
        "description": "What of `Prefer` was followed (RFC 7240).",
        "schema": {"type": "string"},
    },
}

JOB_ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {
        "model": Job,
        "description": "A job: it is stored, and will end as succeeded, failed or cancelled.",
        "content": {"application/json": {"example": QUEUED}},
        "headers": JOB_HEADERS,
    }
}


@dataclass(frozen=True)
class JobWish:
    """What a client wants done, and how it wants to be answered.

    Args:
        options: of the analysis.
        caller: who asks.
        preference: how long to wait, and under which key.
        callback_url: whom to call in the end.
        export: the format of the analysis; None for JSON.
    """

    options: AnalysisOptions
    caller: Caller
    preference: Preference
    callback_url: str | None
    export: ExportFormat | None


async def post_job(request: Request, wish: JobWish) -> Response:
    """Take an upload as a job; wait for it as long as the client wants to."""
    jobs: Jobs = request.app.state.jobs
    rules: UploadRules = request.app.state.upload_rules
    began = time.perf_counter()
    async with request.app.state.admission.enter():
        with await receive_upload(request, rules) as file:
            handed = await jobs.submit(
                file,
                wish.options,
                wish.caller,
                receive_ms=(time.perf_counter() - began) * 1000,
                callback_url=wish.callback_url,
                idempotency_key=wish.preference.idempotency_key,
            )
    _refuse_while_running(handed, wish.preference)
    record = await while_connected(request, jobs.wait(handed.record, _seconds_to_wait(wish.preference)))
    answer = await _answer(jobs, record, wish)
    answer.headers["location"] = f"/v1/analyses/{record.id}"
    if wish.preference.applied:
        answer.headers["preference-applied"] = wish.preference.applied
    return answer


async def _answer(jobs: Jobs, record: "JobRecord", wish: JobWish) -> Response:
    """The analysis or the problem where it is there and was waited for, else the job."""
    if wish.preference.waits and record.state is JobState.FAILED and record.problem is not None:
        passing = record.problem.status == HTTPStatus.SERVICE_UNAVAILABLE
        return problem_response(Problem.of(record.problem, retry_after=_RETRY_SECONDS if passing else None))
    if wish.preference.waits and record.state is JobState.SUCCEEDED:
        if wish.export is not None:
            return await exported_job(jobs, record.id, wish.caller, wish.export)
        if (analysis := await jobs.result(record)) is not None:
            return _with_analysis(b"", analysis, b"")
    return Response(jobs.shown(record).model_dump_json(), 202, media_type="application/json")


def _refuse_while_running(handed: Handed, preference: Preference) -> None:
    if not (handed.fresh or preference.takes_a_job or handed.record.state.final):
        raise Problem(
            "request-in-progress",
            "The first request with this Idempotency-Key is still being worked on.",
            field="Idempotency-Key",
            retry_after=2,
            extra={"location": f"/v1/analyses/{handed.record.id}"},
        )


def _seconds_to_wait(preference: Preference) -> float:
    deadline = current_deadline.get() or Deadline.after(300)
    most = max(0.0, deadline.remaining() * _MARGIN)
    if preference.wait is not None:
        return min(preference.wait, most)
    return 0.0 if preference.respond_async else most


@router.get(
    "/analyses/{analysis_id}",
    summary="How does a job stand, and what came out?",
    response_model=Job,
    responses={
        200: {
            "description": "The job; or the analysis alone, in the format that `Accept` asks for.",
            "content": {
                "application/json": {"example": FINISHED},
                **example_contents(Analysis.model_validate(FINISHED["analysis"])),
            },
        },
        **problem_responses(401, 404, 406, 409, 422, 500, 503),
    },
)
async def get_analysis(
    request: Request, analysis_id: AnalysisId, caller: CallerOf, export: AcceptedFormat
) -> Response:
    """Give the state of a job, how far it has come, and the analysis once it has succeeded.

    Where `Accept` asks for another format than JSON, the answer is the finished analysis in that format.

    A finished job is erased after a while (`retention_seconds` of `GET /v1/limits`); then the answer is 404.
    """
    jobs: Jobs = request.app.state.jobs
    if export is not None:
        return await exported_job(jobs, analysis_id, caller, export)
    record = await jobs.find(analysis_id, caller)
    shown = (await jobs.standing(record)).model_dump_json(exclude={"analysis"}).encode()
    before, after = shown[:-1] + b',"analysis":', b"}"
    if (analysis := await jobs.result(record)) is not None:
        return _with_analysis(before, analysis, after)
    return Response(before + b"null" + after, headers={"vary": "Accept"}, media_type="application/json")


async def exported_job(jobs: Jobs, analysis_id: str, caller: Caller, export: ExportFormat) -> Response:
    """Answer with the analysis of a job in another format than JSON, sent as fast as it is read.

    Raises:
        Problem: as `Jobs.exported`.
    """
    document = await jobs.exported(analysis_id, caller, export)
    headers = {**export_headers(export, analysis_id), "content-length": str(document.size)}
    return StreamingResponse(document.pieces(), headers=headers)


def _with_analysis(before: bytes, analysis: StoredResult, after: bytes) -> Response:
    """JSON that holds an analysis, sent as fast as it is read."""
    length = len(before) + analysis.size + len(after)
    return StreamingResponse(
        _around(before, analysis, after),
        headers={"vary": "Accept", "content-length": str(length)},
        media_type="application/json",
    )


async def _around(before: bytes, analysis: StoredResult, after: bytes) -> AsyncGenerator[bytes]:
    yield before
    async for piece in analysis.pieces():
        yield piece
    yield after


@router.delete(
    "/analyses/{analysis_id}",
    summary="Cancel a job, and erase it",
    status_code=204,
    responses=problem_responses(401, 404, 422, 500, 503),
)
async def delete_analysis(request: Request, analysis_id: AnalysisId, caller: CallerOf) -> Response:
    """Stop working on it if it is still under way, and erase upload, analysis and everything that was stored.

    An `Idempotency-Key` that it was sent with is free again.
    """
    jobs: Jobs = request.app.state.jobs
    await jobs.erase(await jobs.find(analysis_id, caller))
    return Response(status_code=204)


@router.get(
    "/analyses/{analysis_id}/events",
    summary="Follow a job while it is worked on",
    response_class=Response,
    responses={
        200: {"content": {"text/event-stream": {"schema": EVENTS_SCHEMA, "example": EVENTS_EXAMPLE}}},
        204: {"description": "Everything was sent before: an EventSource stops asking."},
        **problem_responses(401, 404, 422, 500, 503),
    },
)
async def follow_analysis(
    request: Request,
    analysis_id: AnalysisId,
    caller: CallerOf,
    last_event_id: Annotated[
        str | None, Header(description="The last `id` that was received; the stream goes on after it.")
    ] = None,
) -> Response:
    """Get events as they come (server-sent events): what was found so far, while the film is still decoded.

    First `started`, then `probed`, `progress`, `faces`, `segments` and `moments`. The last one is `done` with
    the analysis, `failed` with the problem, or `cancelled`. `started` with an attempt above 1 means that the
    work began anew after a fault: forget what came before it.
    """
    jobs: Jobs = request.app.state.jobs
    record = await jobs.find(analysis_id, caller)
    first = first_of(last_event_id)
    if first is None:
        return Response(status_code=204)
    deadline = current_deadline.get() or Deadline.after(300)
    follower = Follower(jobs, record, caller, first=first, seconds=max(0.0, deadline.remaining() * _MARGIN))
    # The library's ping comes from a task of its own, and could fall into the middle of the last event.
    return _EventSourceResponse(_sent(follower), ping=0, headers={"x-accel-buffering": "no"})


class _EventSourceResponse(EventSourceResponse):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)
        if self.active and scope["method"] == "GET":
            # It was broken off, as the server stops: for HTTP the answer must have an end.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL_SECONDS):
                    await send({"type": "http.response.body"})


async def _sent(follower: Follower) -> AsyncGenerator[ServerSentEvent | bytes]:
    """Give events, and a comment where none comes for long; the last one, which may be long, in pieces."""
    async with contextlib.aclosing(_with_pauses(follower.events(), _PING_SECONDS)) as events:
        async for event in events:
            if event is None:
                yield ServerSentEvent(comment="ping")
                continue
            name, number, data = event
            if isinstance(data, str):
                yield ServerSentEvent(data, event=name, id=number, retry=1000)
                continue
            before = f'id: {number}\r\nevent: {name}\r\ndata: {{"event":"{name}","analysis":'
            try:
                async for piece in _around(before.encode(), data, b"}\r\n\r\n"):
                    yield piece
            except Problem as problem:
                # Without its end it is no event, and the client comes back.
                note(problem=problem.name)


async def _with_pauses(events: AsyncGenerator[_Event], seconds: float) -> AsyncGenerator[_Event | None]:
    """Give what comes, and None as often as nothing has come for so long."""
    async with contextlib.aclosing(events):
        while True:
            coming = asyncio.create_task(_next_of(events))
            try:
                while not (await asyncio.wait({coming}, timeout=seconds))[0]:
                    yield None
                found = coming.result()
            finally:
                coming.cancel()
                await asyncio.wait({coming})
            if not found:
                return
            yield found[0]


async def _next_of(events: AsyncGenerator[_Event]) -> tuple[_Event] | None:
    async for event in events:
        return (event,)
    return None
