"""The analysis of a job as it lies in the store: many megabytes for a long film, so read piece by piece."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Self

from gateway.jobs.store import Store
from shared.contracts.problems import Problem

# What whoever does not read holds of the memory is a few of these.
_PIECE_BYTES = 128 * 1024


@dataclass(frozen=True)
class StoredResult:
    """Made by `find`.

    Args:
        store: where it lies.
        name: its name there.
        first: its first bytes.
        size: of all of it, bytes.
    """

    store: Store
    name: str
    first: bytes
    size: int

    @classmethod
    async def find(cls, store: Store, name: str) -> Self | None:
        """Look for a result; None where there is none."""
        found = await store.get_part(name, 0, _PIECE_BYTES)
        return None if found is None else cls(store, name, *found)

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Give its bytes, one piece after another; JSON is without line breaks.

        Raises:
            Problem: `not-found` where it was erased meanwhile.
        """
        yield self.first
        given = len(self.first)
        while given < self.size:
            found = await self.store.get_part(self.name, given, _PIECE_BYTES)
            if found is None:
                raise Problem("not-found", "The analysis was erased just now.")
            yield found[0]
            given += len(found[0])

    async def whole(self) -> bytes:
        """Give all of it; raises as `pieces`."""
        return b"".join([piece async for piece in self.pieces()])
