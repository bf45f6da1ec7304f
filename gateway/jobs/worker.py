"""The worker: takes jobs from the queue of DBOS and sends each through the pipeline."""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import logging
import queue
import secrets
import threading
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

from dbos import DBOS, DBOSPortableJSONSerializer

from gateway.jobs import workflow
from gateway.jobs.book import APPLICATION, EVENTS, QUEUE, VERSION, WEBHOOKS_QUEUE, JobBook
from gateway.jobs.database import Database, patiently
from gateway.jobs.dead_workers import DeadWorkers, worker_name
from gateway.jobs.event_line import EventLine
from gateway.jobs.settings import JobSettings
from gateway.jobs.slots import Slots
from gateway.jobs.store import Store
from gateway.jobs.webhooks import Webhooks
from gateway.options import AnalysisOptions
from gateway.pipeline import PipelineTools, analyse
from shared.contracts.analyses import Done, Progress
from shared.contracts.jobs import JobState, Started
from shared.contracts.problems import Problem
from shared.deadlines import Deadline, current_deadline

_log = logging.getLogger(__name__)

_WEBHOOKS_AT_ONCE = 16
# A receiver that never answers holds a place for its whole time: those of one caller hold these at most.
_WEBHOOKS_OF_ONE_CALLER = 4

_Parameters = ParamSpec("_Parameters")
_Found = TypeVar("_Found")


class Worker:
    """Works on jobs inside this process until it is closed.

    Args:
        book: where jobs are looked up.
        store: where uploads and results lie.
        database, settings: of the jobs.
        open_slots: gives the locks of workers; again where they were lost.
        tools: what the pipeline works with, on the running event loop.
        webhooks: how a `callback_url` is called.
    """

    def __init__(
        self,
        *,
        book: JobBook,
        store: Store,
        database: Database,
        open_slots: Callable[[], Slots],
        settings: JobSettings,
        per_caller: int | None,
        tools: PipelineTools,
        webhooks: Webhooks,
    ) -> None:
        self._book = book
        self._store = store
        self._database = database
        self._open_slots = open_slots
        self._slots: Slots | None = None
        self._settings = settings
        self._per_caller = per_caller
        self._tools = tools
        self._webhooks = webhooks
        self._loop = asyncio.get_running_loop()
        self._slot = -1
        self._dead_workers: DeadWorkers | None = None
        self._stopping = False
        # How often it was put down: what began before must not go on after.
        self._life = 0
        self._running: dict[str, concurrent.futures.Future[str]] = {}
        self._tasks: set[asyncio.Task[str]] = set()
        self._guard = threading.Lock()

    async def start(self) -> None:
        """Take a name, and up the jobs that its last bearer left behind.

        Raises:
            RuntimeError: this process has a worker already.
        """
        workflow.take_seat(self)
        try:
            await self._begin()
        except BaseException:
            workflow.leave_seat()
            raise

    async def _begin(self) -> None:
        """Take a name and work under it; where that fails the name is free, and it may be tried again."""
        try:
            await asyncio.to_thread(self._launch)
        except Exception:
            await self._put_down()
            raise

    def _launch(self) -> None:
        self._slots = self._open_slots()
        self._slot = self._slots.take_one()
        self._dead_workers = DeadWorkers(self._slots, self._slot, self._settings.rescue_seconds)
        config: Any = {
            "name": APPLICATION,
            "system_database_url": self._database.url,
            "system_database_engine": self._database.engine,
            "executor_id": worker_name(self._slot),
            "application_version": VERSION,
            "log_level": "WARNING",
            "serializer": DBOSPortableJSONSerializer(),
            "notification_listener_polling_interval_sec": self._settings.poll_seconds,
        }
        # Before the first job comes: one that met a worker that stops would wait for the next worker.
        self._stopping = False
        DBOS(config=config)
        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=self._settings.at_once,
            # More than any worker takes, where there is no limit: the lanes still take turns.
            partition_concurrency=self._per_caller or 1_000_000,
            polling_interval_sec=self._settings.poll_seconds,
            on_conflict="always_update",
        )
        DBOS.register_queue(
            WEBHOOKS_QUEUE,
            worker_concurrency=_WEBHOOKS_AT_ONCE,
            partition_worker_concurrency=_WEBHOOKS_OF_ONE_CALLER,
            polling_interval_sec=max(1.0, self._settings.poll_seconds),
            on_conflict="always_update",
        )
        _log.info("worker", extra={"fields": {"name": worker_name(self._slot)}})

    async def close(self) -> None:
        """Stop; jobs under way stay in the book, for this or another worker to begin anew."""
        await self._put_down()
        workflow.leave_seat()

    async def _put_down(self) -> None:
        self._stopping = True
        with self._guard:
            self._life += 1
            running = list(self._running.values())
        for future in running:
            future.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._leave)

    def _leave(self) -> None:
        try:
            DBOS.destroy()
        finally:
            self._dead_workers = None
            if self._slots is not None:
                self._slots.close()
                self._slots = None

    async def rescue(self) -> None:
        """Queue the jobs of workers that died, again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._settings.rescue_seconds)
            try:
                await self._stay_alive()
                at_work = await self._book.workers_at_work()
                if self._dead_workers is not None:
                    await asyncio.to_thread(self._dead_workers.rescue, at_work)
            except Exception:  # noqa: BLE001 - a database that is away for a while ends nothing
                _log.exception("looking for dead workers failed")

    async def _stay_alive(self) -> None:
        """Begin anew under another name where the lock on ours was lost: others take us for dead."""
        if self._slots is not None:
            if await asyncio.to_thread(self._slots.still_held):
                return
            _log.error("the lock of this worker was lost; it stops its jobs and begins anew")
            await self._put_down()
        await self._begin()

    def cancel(self, job_id: str) -> None:
        """Stop working on a job, if it is here."""
        with self._guard:
            future = self._running.get(job_id)
        if future is not None:
            future.cancel()

    def perform(
        self, job_id: str, upload: str, options: dict[str, Any], receive_ms: float
    ) -> workflow.Outcome:
        """See `workflow.Performer`."""
        life = self._life
        if self._stopping:
            raise workflow.StoppedError
        name = worker_name(self._slot)
        record = patiently(self._book.find_now, job_id)
        # Taken before the worker was put down, it comes here when the worker has another name already.
        if record is not None and record.worker != name:
            raise workflow.StoppedError
        # Tries of one worker are counted too, and rise above those of a worker that died: none bears the
        # number of another.
        attempt = max(record.begun + 1, record.attempts) if record else 1
        patiently(self._note_begun, job_id, attempt)
        DBOS.write_stream(EVENTS, Started(attempt=attempt).model_dump_json())
        line = EventLine()
        with self._guard:
            # It may have been put down while the database was waited for, and work under another name by now.
            if self._is_over(life):
                raise workflow.StoppedError
            work = self._work(job_id, upload, AnalysisOptions.model_validate(options), receive_ms, line)
            future = self._running[job_id] = self._start(work)
        fields = {"job": job_id, "attempt": attempt}
        _log.info("job begun", extra={"fields": fields})
        try:
            self._store_events(job_id, line)
            return {"result": future.result()}
        except Problem:
            raise
        except Exception as error:
            if self._is_over(life):
                raise workflow.StoppedError from error
            if not future.cancelled():
                _log.exception("a job failed", extra={"fields": {"job": job_id}})
            raise Problem("internal-error", "The server met a fault of its own.") from error
        finally:
            future.cancel()
            with self._guard:
                if self._running.get(job_id) is future:
                    del self._running[job_id]
            _log.info("job ended", extra={"fields": fields})

    def _note_begun(self, job_id: str, attempt: int) -> None:
        work = self._book.note(job_id, {"begun": attempt})
        contextvars.Context().run(asyncio.run_coroutine_threadsafe, work, self._loop).result()

    def _is_over(self, life: int) -> bool:
        """Tell whether the worker was put down since this life of it."""
        return self._stopping or life != self._life

    def _store_events(self, job_id: str, line: EventLine) -> None:
        """Store events as they come; raises where the job is no longer ours to work on."""
        while True:
            try:
                event = line.next(1.0)
            except queue.Empty:
                record = patiently(self._book.find_now, job_id)
                if record is None or record.state.final:
                    self.cancel(job_id)
                continue
            if event is None:
                return
            DBOS.write_stream(EVENTS, event)

    def _start(self, work: Coroutine[Any, Any, str]) -> concurrent.futures.Future[str]:
        """Run it on the event loop, in a context of its own: not that of DBOS's thread."""
        return contextvars.Context().run(asyncio.run_coroutine_threadsafe, work, self._loop)

    async def _work(
        self, job_id: str, upload: str, options: AnalysisOptions, receive_ms: float, line: EventLine
    ) -> str:
        current_deadline.set(Deadline.after(self._settings.seconds))
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a coroutine
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            async with self._store.local(upload) as path:
                if path is None:
                    raise Problem("internal-error", "The upload of this job is gone.")
                events = analyse(path, options, self._tools, receive_ms=receive_ms)
                async with contextlib.aclosing(events) as stream, asyncio.timeout(self._settings.seconds):
                    async for event in stream:
                        if isinstance(event, Done):
                            analysis = event.analysis.model_copy(update={"id": job_id})
                            name = f"{job_id}/result-{secrets.token_hex(8)}"
                            await self._store.put_bytes(name, analysis.model_dump_json().encode())
                            return name
                        if isinstance(event, Progress):
                            progress = event.model_dump(exclude={"event"})
                            await self._note_progress(job_id, progress)
                        await line.put(event.model_dump_json())
            raise AssertionError("the pipeline ended without an analysis")
        except TimeoutError as error:
            detail = (
                f"The job took longer than the {self._settings.seconds:g} seconds that this server allows."
            )
            raise Problem("deadline-exceeded", detail) from error
        finally:
            line.end()

    async def _note_progress(self, job_id: str, progress: dict[str, Any]) -> None:
        try:
            await self._book.note(job_id, {"progress": progress})
        except Problem:
            _log.warning("the progress of a job was not stored", extra={"fields": {"job": job_id}})

    def settle(self, job_id: str, upload: str, outcome: workflow.Outcome) -> None:
        """See `workflow.Performer`."""
        if self._stopping:
            raise workflow.StoppedError
        self._delete(upload)
        record = self._insistently(self._book.find_now, job_id)
        if record is not None and workflow.is_passing(outcome) and (claim := record.attributes.get("claim")):
            # Sent again, as its problem advises, the request is to be tried again.
            self._delete(claim)
        if record is not None and (url := record.attributes.get("callback_url")):
            state = JobState.FAILED if "problem" in outcome else JobState.SUCCEEDED
            self._insistently(self._book.call_webhook, url, job_id, state, lane=record.lane)

    def call(self, url: str, job_id: str, state: str) -> bool:
        """See `workflow.Performer`."""
        if self._stopping:
            raise workflow.StoppedError
        record = self._insistently(self._book.find_now, job_id)
        # One that was cancelled is erased by now.
        ended = (record and record.finished) or datetime.now(UTC)
        return self._webhooks.deliver(url, job_id, JobState(state), ended)

    def call_later(self, url: str, job_id: str, state: str, attempt: int, lane: str) -> None:
        """See `workflow.Performer`."""
        pauses = self._webhooks.pauses()
        if attempt < len(pauses):
            self._insistently(
                self._book.call_webhook,
                url,
                job_id,
                JobState(state),
                lane=lane,
                attempt=attempt,
                pause=pauses[attempt],
            )

    def _insistently(
        self, call: Callable[_Parameters, _Found], *arguments: _Parameters.args, **named: _Parameters.kwargs
    ) -> _Found:
        """Call until the database is there, as DBOS does: an outcome is not lost because it is away."""
        while True:
            try:
                return patiently(call, *arguments, **named)
            except Problem as problem:
                if self._stopping:
                    raise workflow.StoppedError from problem

    def _delete(self, name: str) -> None:
        """Delete where the store lets us: what stays goes with its job, whose outcome counts for more."""
        work = self._store.delete(name)
        try:
            contextvars.Context().run(asyncio.run_coroutine_threadsafe, work, self._loop).result()
        except (Problem, OSError):
            _log.exception("what a job needs no longer was not deleted", extra={"fields": {"name": name}})
