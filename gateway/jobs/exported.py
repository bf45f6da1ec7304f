"""The analysis of a job in other formats: each is made when first asked for, and kept beside the JSON."""

import asyncio
from io import BytesIO

from gateway.exports.format import ExportFormat, detail_of
from gateway.exports.negotiation import require_writable
from gateway.jobs.results import StoredResult
from gateway.jobs.store import Store
from shared.contracts.analyses import Analysis


class Exporter:
    """Makes one export after the other: a long analysis takes ten times the memory of its JSON.

    Args:
        store: where results lie.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = asyncio.Lock()

    async def export(self, result: str, form: ExportFormat) -> StoredResult | None:
        """Give an analysis in another format, as soon as those asked for before are made.

        Args:
            result: the name in the store under which its JSON lies.
            form: the format.

        Returns:
            The document; None where the analysis was erased.

        Raises:
            Problem: `not-acceptable` when the analysis lacks what the format shows.
        """
        name = f"{result}.{form.name}"
        found = await StoredResult.find(self._store, name)
        # A thread cannot be stopped: who no longer waits for it must not let the next one begin.
        return found or await asyncio.shield(self._make(name, result, form))

    async def _make(self, name: str, result: str, form: ExportFormat) -> StoredResult | None:
        async with self._turn:
            if (made := await StoredResult.find(self._store, name)) is not None:
                return made
            if (analysis := await StoredResult.find(self._store, result)) is None:
                return None
            document = await asyncio.to_thread(_write, await analysis.whole(), form)
            await self._store.put(name, BytesIO(document))
            if await StoredResult.find(self._store, result) is None:
                # It was erased meanwhile, and so must this be.
                await self._store.delete(name)
            return await StoredResult.find(self._store, name)


def _write(json: bytes, form: ExportFormat) -> bytes:
    analysis = Analysis.model_validate_json(json)
    require_writable(form, detail_of(analysis))
    return form.document(analysis)
