"""Everything that jobs need, opened: the book, the store, the worker and who sweeps."""

import asyncio
import contextlib
import logging
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self

from gateway.callers import Caller
from gateway.free_space import bytes_to_keep
from gateway.jobs.book import JobBook
from gateway.jobs.claims import Claims
from gateway.jobs.database import Database, open_database
from gateway.jobs.exported import Exporter
from gateway.jobs.order import Order
from gateway.jobs.records import JobRecord
from gateway.jobs.retention import Retention
from gateway.jobs.settings import JobSettings
from gateway.jobs.slots import FileSlots, PostgresSlots, Slots
from gateway.jobs.store import FolderStore, Store, open_private_folder
from gateway.jobs.webhooks import Webhooks
from gateway.jobs.worker import Worker
from gateway.pipeline import PipelineTools
from gateway.settings import GatewaySettings
from shared.contracts.jobs import JobState
from shared.contracts.problems import Problem

_log = logging.getLogger(__name__)

_USUALLY_KEPT_FREE = 512 * 1024 * 1024


class OpenedJobs:
    """Made by `start`.

    Args:
        settings: of jobs.
        database, book, store: opened.
        worker: None where others work.
    """

    def __init__(
        self, settings: JobSettings, database: Database, book: JobBook, store: Store, worker: Worker | None
    ) -> None:
        self.book = book
        self.store = store
        self.claims = Claims(store)
        self.exporter = Exporter(store)
        self._settings = settings
        self._database = database
        self._worker = worker
        self._retention = Retention(book, store, settings.retention_seconds)
        self._tasks = [asyncio.create_task(self._retention.keep())]
        if worker is not None:
            self._tasks.append(asyncio.create_task(worker.rescue()))

    @classmethod
    async def start(cls, settings: GatewaySettings, tools: PipelineTools) -> Self:
        """Open everything, and begin to work unless others do.

        Raises:
            Exception: whatever the database or the file system says.
        """
        jobs = settings.jobs
        # It is tried again every few seconds for as long as it fails: nothing of a try may stay open.
        async with contextlib.AsyncExitStack() as undo:
            database = await asyncio.to_thread(open_database, jobs.database_url, jobs.data_folder)
            undo.push_async_callback(asyncio.to_thread, database.close)
            store = _open_store(jobs, settings.temporary_folder)
            book = await asyncio.to_thread(JobBook, database)
            undo.push_async_callback(asyncio.to_thread, book.close)
            worker = None
            if jobs.worker == "embedded":
                worker = Worker(
                    book=book,
                    store=store,
                    database=database,
                    open_slots=partial(_open_slots, jobs),
                    settings=jobs,
                    per_caller=settings.max_analyses_per_caller,
                    tools=tools,
                    webhooks=Webhooks(settings.webhooks),
                )
                try:
                    await worker.start()
                except RuntimeError:
                    _log.warning("jobs are left to another worker: this process has one already")
                    worker = None
            undo.pop_all()
        return cls(jobs, database, book, store, worker)

    async def close(self) -> None:
        """Stop, and close everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._worker is not None:
            await self._worker.close()
        await asyncio.to_thread(self.book.close)
        await asyncio.to_thread(self._database.close)

    async def refuse_if_too_many(self, caller: Caller) -> None:
        """Refuse when so many jobs wait or run.

        Raises:
            Problem: `too-many-requests` for this caller, `overloaded` for all.
        """
        mine = self._settings.most_per_caller
        if await self.book.unfinished(most=mine, lane=caller.id) >= mine:
            detail = f"{mine} jobs of this key or address wait or run already."
            raise Problem("too-many-requests", detail, retry_after=10)
        if await self.book.unfinished(most=self._settings.most) >= self._settings.most:
            raise Problem("overloaded", "As many jobs wait as this server takes.", retry_after=30)

    async def accept(self, order: Order, upload: BinaryIO) -> bool:
        """Store the upload, then the job; False where the job was there already."""
        await self.store.put(order.upload, upload)
        fresh = await self.book.accept(order)
        if not fresh:
            await self.store.delete(order.upload)
        return fresh

    async def erase(self, record: JobRecord) -> None:
        """Cancel a job where it is still under way, and forget it."""
        erased = [record.id]
        if record.state in {JobState.SUCCEEDED, JobState.FAILED}:
            # Whoever is not called yet would find nothing.
            erased += await self.book.webhooks_of(record.id)
        else:
            await self._cancel(record)
        await self._retention.erase_job(record.id)
        await self.book.erase(erased)

    async def _cancel(self, record: JobRecord) -> None:
        await self.book.cancel(record.id)
        if self._worker is not None:
            self._worker.cancel(record.id)
        if url := record.attributes.get("callback_url"):
            await self.book.announce(url, record.id, JobState.CANCELLED, lane=record.lane)


def _open_store(jobs: JobSettings, temporary_folder: Path) -> Store:
    if jobs.store_url:
        from gateway.jobs.object_store import BucketStore  # noqa: PLC0415 - an extra of its own

        return BucketStore(jobs.store_url, temporary_folder)
    folder = open_private_folder(jobs.data_folder / "files")
    kept = bytes_to_keep(folder, jobs.keep_free_bytes, usual=_USUALLY_KEPT_FREE)
    return FolderStore(folder, keep_free=kept)


def _open_slots(jobs: JobSettings) -> Slots:
    if jobs.database_url:
        return PostgresSlots(jobs.database_url)
    return FileSlots(jobs.data_folder / "workers")
