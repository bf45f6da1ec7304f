"""Whether the inner services answer a stream, which goes on without those that do not."""

import time
from collections.abc import Awaitable
from typing import TypeVar

from shared.client import ServiceDownError
from shared.contracts.analyses import Notice

T = TypeVar("T")

# One call that fails under load is nothing to speak of: its frame counts as lost.
_NOTICE_AFTER = 2


class Health:
    """Whether a service answers this stream.

    Args:
        name: `face`, `speech` or `fusion`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._failures = 0
        self.failing_since: float | None = None
        """When the first of the calls failed since when none was answered, on `time.monotonic`."""
        self.answered_last: float | None = None
        """When a call was answered last, likewise."""

    async def ask(self, call: Awaitable[T]) -> tuple[T | None, Notice | None]:
        """Wait for a call; give its answer, None where there is none, and what a viewer should know.

        Raises:
            Problem: the service refuses.
        """
        try:
            answer = await call
        except ServiceDownError:
            return None, self._failed()
        return answer, self._answered()

    def _failed(self) -> Notice | None:
        if self.failing_since is None:
            self.failing_since = time.monotonic()
        self._failures += 1
        if self._failures != _NOTICE_AFTER:
            return None
        message = f"{self.name}_service does not answer; the stream goes on without it."
        return Notice(code=f"{self.name}-unavailable", message=message)

    def _answered(self) -> Notice | None:
        was_told, self._failures = self._failures >= _NOTICE_AFTER, 0
        self.failing_since, self.answered_last = None, time.monotonic()
        if not was_told:
            return None
        return Notice(code=f"{self.name}-back", message=f"{self.name}_service answers again.")
