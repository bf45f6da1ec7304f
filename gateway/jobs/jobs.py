"""Jobs as routes see them: handed in, looked at, waited for, erased; opened when the first one comes."""

import asyncio
import contextlib
import contextvars
import hashlib
import logging
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from ulid import ULID

from gateway.callers import Caller
from gateway.exports.format import ExportFormat
from gateway.jobs.order import Order
from gateway.jobs.results import StoredResult
from gateway.options import AnalysisOptions
from gateway.pipeline import PipelineTools
from gateway.settings import GatewaySettings
from shared.contracts.jobs import Job, JobState
from shared.contracts.problems import Problem

if TYPE_CHECKING:
    from gateway.jobs.opened import OpenedJobs
    from gateway.jobs.records import JobRecord

_log = logging.getLogger(__name__)

# A worker whose database starts after it begins to work without being asked for anything.
_SECONDS_TO_NEXT_TRY = 5.0
# Large libraries are loaded, too.
_SECONDS_TO_OPEN = 20.0


@dataclass(frozen=True)
class Handed:
    """A job that was handed in.

    Args:
        record: as it is stored.
        fresh: False where the same key and body had made it before.
    """

    record: "JobRecord"
    fresh: bool


class Jobs:
    """Found as `request.app.state.jobs`.

    What jobs need (a database, a worker) is loaded at the start where there may be jobs already, else when
    the first one is handed in: who sends none does not pay.

    Args:
        settings: the gateway's.
        tools: what the pipeline works with.
    """

    def __init__(self, settings: GatewaySettings, tools: PipelineTools) -> None:
        self._settings = settings
        self._tools = tools
        self._opening: asyncio.Task[OpenedJobs] | None = None
        self._starting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what a former process left behind, once database and store are there; returns at once."""
        if self._settings.jobs.may_exist:
            self._starting = asyncio.create_task(self._open_at_last())

    async def _open_at_last(self) -> None:
        while True:
            with contextlib.suppress(Problem):
                await self._open()
                return
            await asyncio.sleep(_SECONDS_TO_NEXT_TRY)

    async def close(self) -> None:
        """Stop working; what has not finished is begun anew at the next start, or elsewhere."""
        if self._starting is not None:
            self._starting.cancel()
        if self._opening is None:
            return
        with contextlib.suppress(Exception):
            opened = await self._opening
            await opened.close()

    async def submit(
        self,
        upload: BinaryIO,
        options: AnalysisOptions,
        caller: Caller,
        *,
        receive_ms: float,
        callback_url: str | None = None,
        idempotency_key: str | None = None,
    ) -> Handed:
        """Take a job; once this returns it will end, whatever happens to this process.

        Raises:
            Problem: `too-many-requests` or `overloaded` when there are too many jobs already;
                `idempotency-key-reused` when the key came with another body or other options;
                `service-unavailable` where jobs cannot be stored.
        """
        opened = await self._open()
        attributes: dict[str, str | None] = {"callback_url": callback_url}
        job_id = f"an_{ULID()}"
        claim, digest = None, ""
        if idempotency_key is not None:
            wanted = options.model_dump_json() + (callback_url or "")
            digest = await asyncio.to_thread(_digest, upload, wanted)
            claim = attributes["claim"] = opened.claims.name(caller.owns, idempotency_key)
            first = await opened.claims.holder(claim, digest)
            if first is not None and (record := await opened.book.find(first)) is not None:
                return Handed(record, fresh=False)
        # Before the key is taken: what is refused here leaves nothing.
        await opened.refuse_if_too_many(caller)
        if claim is not None:
            job_id = await opened.claims.take(claim, job_id, digest)
            if (record := await opened.book.find(job_id)) is not None:
                return Handed(record, fresh=False)
        order = Order(
            id=job_id,
            owner=caller.owns,
            lane=caller.id,
            upload=f"{job_id}/upload-{secrets.token_hex(8)}",
            options=options.model_dump(mode="json"),
            receive_ms=receive_ms,
            attributes=attributes,
        )
        fresh = await opened.accept(order, upload)
        record = await opened.book.find(job_id)
        if record is None:
            raise Problem("service-unavailable", "The job was erased while it was handed in.", retry_after=1)
        return Handed(record, fresh=fresh)

    async def find(self, job_id: str, caller: Caller) -> "JobRecord":
        """Give a job.

        Raises:
            Problem: `not-found` where it is not there, or not this caller's.
        """
        record = await (await self._open()).book.find(job_id) if self._may_be_there() else None
        if record is None or record.owner != caller.owns:
            raise Problem(
                "not-found",
                "There is no such analysis.",
                remedy="Check the id; a finished analysis is erased after a while, see /v1/limits.",
                field="analysis_id",
            )
        return record

    def shown(self, record: "JobRecord") -> Job:
        """Give a job as a client sees it, without the analysis."""
        return record.shown(self._settings.jobs.retention_seconds)

    async def standing(self, record: "JobRecord") -> Job:
        """Give a job as `shown` does, and its place where it waits."""
        shown = self.shown(record)
        if record.state is not JobState.QUEUED:
            return shown
        ahead = await (await self._open()).book.waiting_before(record, most=self._settings.jobs.most)
        return shown.model_copy(update={"ahead": ahead})

    async def result(self, record: "JobRecord") -> StoredResult | None:
        """Find the analysis of a job; None where it has not succeeded or was erased just now."""
        if record.result is None:
            return None
        return await StoredResult.find((await self._open()).store, record.result)

    async def exported(self, job_id: str, caller: Caller, export: ExportFormat) -> StoredResult:
        """Give the analysis of a job that succeeded in another format than JSON.

        Raises:
            Problem: `not-found` for a job that is not there, or not this caller's; `not-finished` while it is
                queued or processing; `analysis-failed` when it failed or was cancelled; `not-acceptable` when
                the analysis lacks what the format shows.
        """
        record = await self.find(job_id, caller)
        if not record.state.final:
            raise Problem("not-finished", f"The analysis is {record.state}.", retry_after=1)
        if record.state is not JobState.SUCCEEDED:
            why = {} if record.problem is None else {"problem": record.problem.model_dump(exclude_none=True)}
            raise Problem("analysis-failed", f"The analysis is {record.state}.", extra=why)
        found = record.result and await (await self._open()).exporter.export(record.result, export)
        if not found:
            raise Problem("not-found", "The analysis was erased just now.")
        return found

    async def wait(self, record: "JobRecord", seconds: float) -> "JobRecord":
        """Give the job as soon as it has finished, or as it stands after so many seconds."""
        opened = await self._open()
        pause = 0.05
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not record.state.final:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, self._settings.jobs.poll_seconds)
                    if (found := await opened.book.find(record.id)) is None:
                        raise Problem("not-found", "The analysis was erased while it was waited for.")
                    record = found
        return record

    async def erase(self, record: "JobRecord") -> None:
        """Cancel a job where it is still under way, and forget it."""
        await (await self._open()).erase(record)

    async def events(self, record: "JobRecord", *, first: int) -> AsyncGenerator[str]:
        """Follow what is told of a job, from number `first`; ends when it has finished or is erased."""
        opened = await self._open()
        stream = opened.book.events(record.id, first=first, poll_seconds=self._settings.jobs.poll_seconds)
        async with contextlib.aclosing(stream):
            async for event in stream:
                yield event

    def _may_be_there(self) -> bool:
        return self._opening is not None or self._settings.jobs.may_exist

    def _begin_to_open(self) -> "asyncio.Task[OpenedJobs]":
        if self._opening is None or (self._opening.done() and self._opening.exception() is not None):
            # In a context of its own: the first request's id and deadline are not those of all jobs.
            self._opening = asyncio.create_task(self._load(), context=contextvars.Context())
        return self._opening

    async def _load(self) -> "OpenedJobs":
        # Large libraries; in a thread, as it takes a while.
        opened = await asyncio.to_thread(_import_opened)
        return await opened.start(self._settings, self._tools)

    async def _open(self) -> "OpenedJobs":
        try:
            async with asyncio.timeout(_SECONDS_TO_OPEN):
                return await asyncio.shield(self._begin_to_open())
        except Problem:
            raise
        except Exception as error:
            _log.exception("jobs cannot be stored")
            raise Problem("service-unavailable", "Jobs cannot be stored now.", retry_after=5) from error


def _import_opened() -> "type[OpenedJobs]":
    from gateway.jobs.opened import OpenedJobs  # noqa: PLC0415 - see Jobs

    return OpenedJobs


def _digest(upload: BinaryIO, wanted: str) -> str:
    upload.seek(0)
    digest = hashlib.sha256()
    while piece := upload.read(1024 * 1024):
        digest.update(piece)
    return hashlib.sha256(digest.digest() + wanted.encode()).hexdigest()
