"""How many uploads are taken at once: so many analyses run, a few wait, the rest is refused at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from shared.contracts.problems import Problem


class Admission:
    """A bounded waiting room.

    Args:
        running: analyses at once.
        waiting: uploads that may wait for their turn or still be arriving.
        full: what a refusal says.
    """

    def __init__(
        self,
        *,
        running: int,
        waiting: int,
        full: str = "As many analyses run and wait as this server takes.",
    ) -> None:
        self._full = full
        self._places = running + waiting
        self._inside = 0
        self._turns = asyncio.Semaphore(running)

    @property
    def inside(self) -> int:
        """Uploads that arrive, wait or are analysed now."""
        return self._inside

    @property
    def places(self) -> int:
        """How many may be inside at once."""
        return self._places

    def refusal(self) -> Problem | None:
        """Give what to answer a newcomer with; None while there is a place."""
        if self._inside < self._places:
            return None
        return Problem("overloaded", self._full, retry_after=2)

    def check(self) -> None:
        """Do nothing while there is a place.

        Raises:
            Problem: `overloaded`.
        """
        if (problem := self.refusal()) is not None:
            raise problem

    @contextlib.asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Take a place before a byte of the body is read.

        Raises:
            Problem: `overloaded`, at once, when all places are taken.
        """
        self.check()
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait, inside, until an analysis may run."""
        async with self._turns:
            yield
