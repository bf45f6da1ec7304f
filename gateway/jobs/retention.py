"""Nothing stays: finished jobs go after their time, and what has no job goes at once."""

import asyncio
import logging

from gateway.jobs.book import JobBook
from gateway.jobs.claims import GROUP as CLAIMS
from gateway.jobs.claims import job_of_claim
from gateway.jobs.store import Store

_log = logging.getLogger(__name__)

# An upload lies in the store for a moment before its job is in the book.
_GRACE_SECONDS = 120.0
# How long the upload of a job that ended its worker too often may outlast it.
_SWEEP_SECONDS = 10.0


class Retention:
    """Erases what is over.

    Args:
        book: which jobs there are.
        store: what lies there of them.
        seconds: how long a finished job stays.
    """

    def __init__(self, book: JobBook, store: Store, seconds: float) -> None:
        self._book = book
        self._store = store
        self._seconds = seconds

    async def keep(self) -> None:
        """Sweep again and again, until cancelled."""
        while True:
            try:
                await self.sweep()
            except Exception:  # noqa: BLE001 - a database that is away for a while ends nothing
                _log.exception("erasing what is over failed")
            await asyncio.sleep(min(_SWEEP_SECONDS, max(0.2, self._seconds / 4)))

    async def sweep(self) -> None:
        """Erase everything that is over now."""
        while over := await self._book.finished_before(self._seconds):
            for job_id in over:
                await self.erase_job(job_id)
            await self._book.erase(over)
        for record in await self._book.ended_without_outcome():
            await self._store.delete_group(record.id)
            if url := record.attributes.get("callback_url"):
                await self._book.announce(url, record.id, record.state, lane=record.lane)
        await self._sweep_orphans()

    async def erase_job(self, job_id: str) -> None:
        """Delete what lies in the store of a job."""
        record = await self._book.find(job_id)
        claim = None if record is None else record.attributes.get("claim")
        await self._store.delete_group(job_id)
        # The key may stand for a later job by now.
        if isinstance(claim, str) and job_of_claim(await self._store.get(claim) or b"") == job_id:
            await self._store.delete(claim)

    async def _sweep_orphans(self) -> None:
        old = [group for group, age in (await self._store.groups()).items() if age > _GRACE_SECONDS]
        for group in set(old) - {CLAIMS} - await self._book.existing(old):
            await self._store.delete_group(group)
        claims = await self._store.names(CLAIMS)
        for name, age in claims.items():
            if age > max(_GRACE_SECONDS, 2 * self._seconds):
                await self._sweep_claim(name)

    async def _sweep_claim(self, name: str) -> None:
        found = await self._store.get(name)
        if found is None:
            return
        job_id = job_of_claim(found)
        if job_id is None or await self._book.find(job_id) is None:
            await self._store.delete(name)
