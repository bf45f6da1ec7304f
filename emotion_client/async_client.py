"""The client for event loops; `Client` is the same without one."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx
from httpx_sse import EventSource, SSEError
from pydantic import BaseModel, ValidationError

from emotion_client.arguments import checked_address, checked_header, checked_key, environment
from emotion_client.calls import Call, Patience, checked, did_nothing, send, unreachable
from emotion_client.errors import (
    JobCancelledError,
    NoJobsError,
    ProblemError,
    ServerUnreachableError,
    UnexpectedAnswerError,
)
from emotion_client.media import MediaSource, Upload, UploadProgress, opened
from emotion_client.options import Options, query_of
from emotion_client.proxies import is_loopback
from shared.contracts.analyses import Analysis, Done
from shared.contracts.jobs import JOB_EVENT, Cancelled, Failed, Job, JobEvent
from shared.contracts.manifests import ModelList
from shared.contracts.problems import Problem

_Model = TypeVar("_Model", bound=BaseModel)

# The server sends a comment every 15 seconds at least.
_SILENCE_SECONDS = 60.0
_AGAIN_SECONDS = 0.5
# The server throws away for half a minute what still comes after its refusal, then it breaks the connection.
_ASKED_ABOUT_BYTES = 32 * 1024 * 1024


class AsyncClient:
    """Calls an emotion server. Use it as an async context manager, or call `close` in the end.

    Args:
        base_url: of the server. One on this machine is reached without the environment's proxy.
        api_key: where the server asks for one.
        timeout: seconds without a byte from the server after which an answer is given up.
        patience: how often calls are sent again, where that is safe.
        transport: how to reach the server; TCP where not given.

    Raises:
        UsageError: of these, or of the environment's proxy, one with which no call can be sent.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout: float = 3600.0,
        patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._patience = patience or Patience()
        address, key = checked_address(base_url), checked_key(api_key)
        with environment():
            if transport is None and is_loopback(address):
                transport = httpx.AsyncHTTPTransport()  # with one given, httpx asks no proxy
            self._http = httpx.AsyncClient(
                base_url=address,
                headers={"authorization": f"Bearer {key}"} if key else {},
                timeout=httpx.Timeout(timeout, connect=5.0),
                transport=transport,
            )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def analyze(
        self, media: MediaSource, *, on_upload: UploadProgress | None = None, **options: Unpack[Options]
    ) -> Analysis:
        """Upload a picture, a sound or a film, and wait for its analysis.

        Sent again only where the server surely did nothing; `submit` survives broken connections too.

        Args:
            media: a path, bytes, or an open file.
            on_upload: told how many bytes of how many have been sent.
            options: see `Options`.

        Raises:
            ProblemError: the server refused it, and says why.
            ServerUnreachableError: no answer.
            OSError: the file cannot be read.
        """
        with opened(media, on_upload) as upload:
            answer = await self._upload(upload, {}, options, repeatable=False)
        return _read(Analysis, answer)

    async def submit(
        self,
        media: MediaSource,
        *,
        idempotency_key: str | None = None,
        callback_url: str | None = None,
        on_upload: UploadProgress | None = None,
        **options: Unpack[Options],
    ) -> Job:
        """Upload media as a job that goes on without this client.

        Args:
            media: a path, bytes, or an open file.
            idempotency_key: a name under which the same upload gives the same job; a new one where not given.
            callback_url: whom the server calls in the end.
            on_upload: told how many bytes of how many have been sent.
            options: see `Options`.

        Raises:
            NoJobsError: the server has no jobs; the error holds the analysis.
            ProblemError: the server refused it, and says why.
            ServerUnreachableError: no answer.
            UsageError: the key cannot be sent.
            OSError: the file cannot be read.
        """
        key = checked_header("idempotency_key", idempotency_key) if idempotency_key else str(uuid.uuid4())
        headers = {"prefer": "respond-async", "idempotency-key": key}
        query: dict[str, Any] = {**options, "callback_url": callback_url}
        with opened(media, on_upload) as upload:
            answer = await self._upload(upload, headers, query, repeatable=True)
        if answer.status_code != httpx.codes.ACCEPTED:
            raise NoJobsError(_read(Analysis, answer))
        return _read(Job, answer)

    async def job(self, job_id: str) -> Job:
        """Give the state of a job, how far it has come, and the analysis once it has succeeded.

        Raises:
            ProblemError: `not-found` for a job that is not there, or no longer.
        """
        return _read(Job, await self._call(Call("GET", _path(job_id), headers=_JSON)))

    async def events(self, job_id: str, *, after: str | None = None) -> AsyncGenerator[JobEvent]:
        """Follow a job to its end, however long that takes.

        The server ends a stream after the longest time of a request; the next one goes on from there.
        So it does where a connection broke, but that counts as a failed attempt of `patience`.

        Args:
            job_id: of the job.
            after: id of the last event that was seen; from the beginning where not given.

        Yields:
            `Started`, `Probed`, `Progress`, ... and `Done`, `Failed` or `Cancelled` last.

        Raises:
            ProblemError: `not-found` for a job that is not there, or no longer.
            ServerUnreachableError: the server stays away.
            UsageError: `after` cannot be sent.
        """
        attempt = 0
        while True:
            try:
                async with contextlib.aclosing(self._stream(job_id, after)) as stream:
                    async for number, event in stream:
                        after, attempt = number or after, 0
                        yield event
                        if isinstance(event, (Done, Failed, Cancelled)):
                            return
            except httpx.TransportError as broken:
                error: ProblemError | ServerUnreachableError = unreachable(broken)
            except ProblemError as refused:
                if not did_nothing(refused):
                    raise
                error = refused
            else:
                attempt = 0
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            pause = self._patience.pause(attempt, error)
            if pause is None:
                raise error
            await asyncio.sleep(pause)
            attempt += 1

    async def wait(self, job_id: str) -> Analysis:
        """Wait for a job to finish, and give its analysis.

        Raises:
            ProblemError: it failed, or it is not there.
            JobCancelledError: it was cancelled.
        """
        async with contextlib.aclosing(self.events(job_id)) as events:
            async for event in events:
                if isinstance(event, Done):
                    return event.analysis
                if isinstance(event, Failed):
                    raise ProblemError(event.problem)
        raise JobCancelledError(f"{job_id} was cancelled.")

    async def cancel(self, job_id: str) -> None:
        """Stop a job if it is under way, and erase everything that the server stored of it.

        Raises:
            ProblemError: `not-found` for a job that is not there, or no longer.
        """
        await self._call(Call("DELETE", _path(job_id)))

    async def export(self, job_id: str, name: str) -> bytes:
        """Give a finished analysis in another format.

        Args:
            job_id: of the job.
            name: `csv`, `moments.csv`, `jsonl`, `vtt`, `eaf` or `emotionml`.

        Raises:
            ProblemError: no such format, `not-finished`, or not there.
        """
        return (await self._call(Call("GET", f"{_path(job_id)}.{name}"))).content

    async def models(self) -> ModelList:
        """Give the networks that answer, with their measured figures."""
        return _read(ModelList, await self._call(Call("GET", "/v1/models")))

    async def _upload(
        self, upload: Upload, headers: dict[str, str], options: Any, *, repeatable: bool
    ) -> httpx.Response:
        if upload.size > _ASKED_ABOUT_BYTES:
            await self._require_room(upload.size)
        headers = {
            **headers,
            **_JSON,
            "content-type": "application/octet-stream",
            "content-length": str(upload.size),
        }
        call = Call("POST", "/v1/analyses", query_of(options), headers, upload.pieces, repeatable=repeatable)
        return await self._call(call)

    async def _require_room(self, size: int) -> None:
        limits = _read(_Limits, await self._call(Call("GET", "/v1/limits", headers=_JSON)))
        if size > limits.max_upload_bytes:
            detail = f"The body is longer than {limits.max_upload_bytes} bytes."
            raise ProblemError(Problem("upload-too-large", detail).document())

    async def _call(self, call: Call) -> httpx.Response:
        return await send(self._http, call, self._patience)

    async def _stream(self, job_id: str, after: str | None) -> AsyncGenerator[tuple[str, JobEvent]]:
        headers = {"accept": "text/event-stream", "cache-control": "no-store"}
        if after is not None:
            headers["last-event-id"] = checked_header("after", after)
        timeout = httpx.Timeout(_SILENCE_SECONDS, connect=5.0)
        path = f"{_path(job_id)}/events"
        async with self._http.stream("GET", path, headers=headers, timeout=timeout) as answer:
            if not answer.is_success:
                await answer.aread()
            if checked(answer).status_code == httpx.codes.NO_CONTENT:
                raise UnexpectedAnswerError("There are no events after the last one.")
            try:
                async for sent in EventSource(answer).aiter_sse():
                    # httpx-sse takes a comment after the first event for one without data, and that is none.
                    if sent.data:
                        yield sent.id, JOB_EVENT.validate_json(sent.data, extra="ignore")
            except (SSEError, ValidationError, httpx.DecodingError) as error:
                raise UnexpectedAnswerError("An event is not one of this version.") from error


class _Limits(BaseModel):
    """Of `GET /v1/limits`, what matters before an upload."""

    max_upload_bytes: int


_JSON = {"accept": "application/json"}
_NAMES: dict[type[BaseModel], str] = {
    Analysis: "an analysis",
    Job: "a job",
    ModelList: "a list of models",
    _Limits: "a list of limits",
}


def _path(job_id: str) -> str:
    if not (job_id.isascii() and job_id.replace("_", "").isalnum()):
        problem = Problem("bad-parameter", f"{job_id!r} is not the id of a job.", field="job_id")
        raise ProblemError(problem.document())
    return f"/v1/analyses/{job_id}"


def _read(model: type[_Model], answer: httpx.Response) -> _Model:
    try:
        # A newer server may say more.
        return model.model_validate_json(answer.content, extra="ignore")
    except ValidationError as error:
        url = answer.url.copy_with(path="/", query=None, userinfo=b"")
        what = _NAMES.get(model, model.__name__)
        detail = f"{url} answered with something that is not {what} of this version."
        raise UnexpectedAnswerError(detail) from error
