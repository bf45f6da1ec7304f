"""The book of jobs: accepted, looked up, cancelled, erased. Every gateway has one, whoever does the work."""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, WorkflowStatus, error

from gateway.jobs.database import Database, DatabaseThreads, answering
from gateway.jobs.order import Order
from gateway.jobs.records import JobRecord, record_of
from shared.contracts.jobs import JobState

APPLICATION = "emotion-server"
# Pinned: a job that an older version accepted is finished by whatever version comes after it.
VERSION = "1"
QUEUE = "analyses"
WORKFLOW = "analysis"
# What an older version left in `webhooks`, whose rows name no caller, is still called from there.
WEBHOOKS_QUEUE = "webhooks-of-callers"
WEBHOOK = "webhook"
EVENTS = "events"
_MOST_EVENTS_AT_ONCE = 100
_WAITING = ["ENQUEUED", "DELAYED"]
_UNFINISHED = [*_WAITING, "PENDING"]
# Whatever else a client asks for is no job; PostgreSQL refuses some of it with an error.
_ID = re.compile("an_[0-9A-HJKMNP-TV-Z]{26}")


def _is_no_cancellation(line: logging.LogRecord) -> bool:
    """Leave out what DBOS logs of a job that was cancelled or erased while it ran: that is no fault."""
    ended = (error.DBOSAwaitedWorkflowCancelledError, error.DBOSNonExistentWorkflowError)
    return not (line.exc_info and isinstance(line.exc_info[1], ended))


class JobBook:
    """Reads and writes the tables of DBOS through its client, off the event loop.

    Every call raises the `Problem` `service-unavailable` while the database is away; those that are awaited
    do so within ten seconds, those for threads wait for as long as a connection lasts. What was to be written
    may have been written even so.

    Args:
        database: opened; its tables are made or brought up to date here.
    """

    def __init__(self, database: Database) -> None:
        # Its own handler writes plain text to standard error; ours write JSON.
        logging.getLogger("dbos").addHandler(logging.NullHandler())
        logging.getLogger("dbos").setLevel(logging.WARNING)
        logging.getLogger("dbos").addFilter(_is_no_cancellation)
        DBOS.migrate(database.url)
        # Not the `*_async` calls of the client, which use the threads that uploads need.
        self._threads = DatabaseThreads()
        self._client = DBOSClient(
            system_database_url=database.url,
            system_database_engine=database.engine,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            retry_connection_errors=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._threads.close()
        self._client.destroy()

    async def accept(self, order: Order) -> bool:
        """Store a job; once this returns it will end as succeeded, failed or cancelled.

        Returns:
            Whether it is new: False where a job has this id already, which then is left as it is.
        """
        return await self._threads.ask(self._store, order)

    def _store(self, order: Order) -> bool:
        options: Any = {
            "workflow_name": WORKFLOW,
            "queue_name": QUEUE,
            "workflow_id": order.id,
            "workflow_id_reuse_policy": "reject",
            "app_version": VERSION,
            "queue_partition_key": order.lane,
            # Only by its user can DBOS count jobs on SQLite, too.
            "authenticated_user": order.lane,
            "attributes": {**order.attributes, "owner": order.owner},
        }
        try:
            self._client.enqueue(options, order.id, order.upload, order.options, order.receive_ms)
        except error.DBOSWorkflowIDInUseError:
            return False
        return True

    def call_webhook(
        self, url: str, job_id: str, state: JobState, *, lane: str, attempt: int = 0, pause: float = 0.0
    ) -> None:
        """Store that a webhook is to be called, for threads.

        Args:
            url: whom to call.
            job_id: which job ended.
            state: how; what is stored first is told.
            lane: of the job; calls of one lane share a limit.
            attempt: how often it was called in vain; stored once each.
            pause: seconds until it is called.
        """
        options: Any = {
            "workflow_name": WEBHOOK,
            "queue_name": WEBHOOKS_QUEUE,
            "workflow_id": f"{job_id}-webhook" + (f"-{attempt}" if attempt else ""),
            "app_version": VERSION,
            "queue_partition_key": lane or "unknown",
        }
        if pause:
            options["delay_seconds"] = pause
        with answering():
            self._client.enqueue(options, url, job_id, str(state), attempt, lane)

    async def announce(self, url: str, job_id: str, state: JobState, *, lane: str) -> None:
        """Do as `call_webhook`, for the event loop."""
        await self._threads.ask(self.call_webhook, url, job_id, state, lane=lane)

    async def webhooks_of(self, job_id: str) -> list[str]:
        """Give the calls of a job's webhook, made and still to be made, as `erase` takes them."""
        found = await self._listed(name=WEBHOOK, workflow_id_prefix=f"{job_id}-")
        return [status.workflow_id for status in found]

    async def find(self, job_id: str) -> JobRecord | None:
        """Give a job; None where there is none."""
        return await self._threads.ask(self.find_now, job_id)

    def find_now(self, job_id: str) -> JobRecord | None:
        """Do as `find`, for threads."""
        if not _ID.fullmatch(job_id):
            return None
        with answering():
            found = self._client.list_workflows(workflow_ids=[job_id], name=WORKFLOW, load_input=False)
        return record_of(found[0]) if found else None

    async def unfinished(self, *, most: int, lane: str | None = None) -> int:
        """Count jobs that wait or run, of one lane where given; counts no further than `most`."""
        return len(await self._listed(name=WORKFLOW, status=_UNFINISHED, user=lane, limit=most))

    async def waiting_before(self, record: JobRecord, *, most: int) -> int:
        """Count jobs that came before this one and wait; counts no further than `most`."""
        found = await self._listed(
            name=WORKFLOW, status=_WAITING, end_time=record.created.isoformat(), limit=most + 1
        )
        others = (record_of(status) for status in found)
        mine = (record.created, record.id)
        return min(most, sum((other.created, other.id) < mine for other in others))

    async def note(self, job_id: str, attributes: dict[str, Any]) -> None:
        """Keep something beside a job; nothing happens where it is gone."""
        with contextlib.suppress(error.DBOSNonExistentWorkflowError):
            await self._threads.ask(self._client.update_workflow_attributes, job_id, attributes, merge=True)

    async def cancel(self, job_id: str) -> None:
        """Cancel a job that has not finished; whoever works on it notices within a second."""
        await self._threads.ask(self._client.cancel_workflow, job_id)

    async def erase(self, job_ids: Sequence[str]) -> None:
        """Forget jobs and all that was told of them."""
        await self._threads.ask(self._client.delete_workflows, list(job_ids))

    async def finished_before(self, seconds_ago: float, *, limit: int = 200) -> list[str]:
        """Give jobs (and calls of webhooks) that finished so long ago."""
        before = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        found = await self._listed(completed_before=before.isoformat(), limit=limit)
        return [status.workflow_id for status in found]

    async def ended_without_outcome(self) -> list[JobRecord]:
        """Give jobs that may have been left as they were when they ended.

        They ended their process too often, or the gateway that cancelled them died before they were erased.
        """
        ended = ["MAX_RECOVERY_ATTEMPTS_EXCEEDED", "ERROR", "CANCELLED"]
        found = await self._listed(name=WORKFLOW, status=ended, limit=1000)
        return [record_of(status) for status in found]

    async def existing(self, job_ids: Sequence[str]) -> set[str]:
        """Give those of these jobs that there are."""
        return {status.workflow_id for status in await self._listed(workflow_ids=list(job_ids))}

    async def workers_at_work(self) -> set[str]:
        """Give the names of workers that took a job and have not finished it."""
        found = await self._listed(status="PENDING")
        return {status.executor_id for status in found if status.executor_id}

    async def events(self, job_id: str, *, first: int, poll_seconds: float) -> AsyncGenerator[str]:
        """Follow what is told of a job, from number `first`, until it has finished or is erased."""
        ended = False
        while not ended:
            told, ended = await self._threads.ask(self._told, job_id, first)
            for event in told:
                yield event
            first += len(told)
            if not told and not ended:
                await asyncio.sleep(poll_seconds)

    def _told(self, job_id: str, first: int) -> tuple[list[str], bool]:
        """Give what is there to be told, from number `first`, and whether nothing will come after it."""
        found: list[str] = []
        stream = self._client.read_stream(job_id, EVENTS, offset=first, timeout_seconds=0)
        with contextlib.closing(stream):
            try:
                for value in stream:
                    found.append(str(value))
                    if len(found) == _MOST_EVENTS_AT_ONCE:
                        return found, False
            except error.DBOSStreamTimeoutError:
                return found, False
            except error.DBOSNonExistentWorkflowError:
                return found, True
        return found, True

    async def _listed(self, **which: Any) -> list[WorkflowStatus]:
        return await self._threads.ask(
            self._client.list_workflows, load_input=False, load_output=False, **which
        )
