"""A queue in which the newest wins."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Freshest(Generic[T]):
    """Keeps the newest items that nobody has taken yet.

    Args:
        most: how many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._items: deque[T] = deque()
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, item: T) -> tuple[T, ...]:
        """Add an item; give those that had to go for it, which are the oldest."""
        self._items.append(item)
        self._changed.set()
        return tuple(self._items.popleft() for _ in range(len(self._items) - self._most))

    def close(self) -> None:
        """Nothing more comes."""
        self._closed = True
        self._changed.set()

    async def get(self) -> T | None:
        """Wait for the oldest that is left; None when it is closed and empty."""
        while not self._items:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._items.popleft()
