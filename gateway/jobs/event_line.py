"""Events on their way from the event loop to the thread that stores them."""

import asyncio
import queue

# Events that wait for the database; the pipeline waits when there are more.
_MOST_AHEAD = 200


class EventLine:
    """A queue that a coroutine fills and a thread empties, in the same order."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    async def put(self, event: str) -> None:
        """Hand over an event; waits while the other side is far behind."""
        while self._events.qsize() > _MOST_AHEAD:  # noqa: ASYNC110 - the other side is a thread
            await asyncio.sleep(0.02)
        self._events.put(event)

    def end(self) -> None:
        """Say that no more will come."""
        self._events.put(None)

    def next(self, seconds: float) -> str | None:
        """Give the next event; None after the last.

        Raises:
            queue.Empty: nothing came within the time.
        """
        return self._events.get(timeout=seconds)
