"""The events of a job in the order in which they were stored, each with a number to go on from."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from gateway.callers import Caller
from gateway.jobs.jobs import Jobs
from gateway.jobs.results import StoredResult
from shared.contracts.jobs import Cancelled, Failed
from shared.contracts.problems import Problem
from shared.request_context import note

if TYPE_CHECKING:
    from gateway.jobs.records import JobRecord

# The id of the last event; a client that has it needs nothing more.
END = "end"


def first_of(last_event_id: str | None) -> int | None:
    """Give the number to go on from after `Last-Event-ID`; None where nothing follows.

    Raises:
        Problem: `bad-parameter` where it is none of ours.
    """
    if not last_event_id:
        return 0
    if last_event_id == END:
        return None
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 10):
        raise Problem(
            "bad-parameter",
            "Last-Event-ID must be the id of an event of this job.",
            field="Last-Event-ID",
        )
    return int(last_event_id) + 1


class Follower:
    """Somebody who follows one job.

    Args:
        jobs: where it is kept.
        record: of the job.
        caller: whose it is.
        first: number of the first event wanted.
        seconds: how long to go on; the client asks again with the last number it has.
    """

    def __init__(
        self, jobs: Jobs, record: "JobRecord", caller: Caller, *, first: int, seconds: float
    ) -> None:
        self._jobs = jobs
        self._record = record
        self._caller = caller
        self._next = first
        self._seconds = seconds

    async def events(self) -> AsyncGenerator[tuple[str, str, str | StoredResult]]:
        """Give name, id and JSON of each event; the last one tells how the job ended.

        That of `done` is its analysis alone, as it is stored.

        It ends without one where time is up, or database or store are away: the client comes back.
        """
        try:
            async with contextlib.aclosing(self._events()) as events:
                async for event in events:
                    yield event
        except Problem as problem:
            note(problem=problem.name)

    async def _events(self) -> AsyncGenerator[tuple[str, str, str | StoredResult]]:
        until = asyncio.get_running_loop().time() + self._seconds
        async with contextlib.aclosing(self._jobs.events(self._record, first=self._next)) as stream:
            while True:
                # Only around the wait: while a caller sends what it was given, nothing breaks that off.
                try:
                    async with asyncio.timeout_at(until):
                        data = await anext(stream, None)
                except TimeoutError:
                    return
                if data is None:
                    break
                yield json.loads(data)["event"], str(self._next), data
                self._next += 1
        name, last = await self._last()
        yield name, END, last

    async def _last(self) -> tuple[str, str | StoredResult]:
        try:
            record = await self._jobs.find(self._record.id, self._caller)
        except Problem as problem:
            if problem.name != "not-found":
                raise
            # Cancelled and erased.
            return "cancelled", Cancelled().model_dump_json()
        if record.problem is not None:
            return "failed", Failed(problem=record.problem).model_dump_json(exclude_none=True)
        analysis = await self._jobs.result(record)
        if analysis is None:
            return "cancelled", Cancelled().model_dump_json()
        return "done", analysis
