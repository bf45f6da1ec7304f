"""Nobody takes all places: so many analyses of one caller at once."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from gateway.callers import Caller
from shared.contracts.problems import Problem


class Fairness:
    """Counts what each caller has under way in this gateway.

    Args:
        most: analyses of one caller at once; None for no limit.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._under_way: Counter[str] = Counter()

    @contextlib.contextmanager
    def enter(self, caller: Caller) -> Iterator[None]:
        """Count one analysis while the context lasts.

        Raises:
            Problem: `too-many-requests`, at once, where this caller has as many as it may.
        """
        if self._most is not None and self._under_way[caller.id] >= self._most:
            raise Problem(
                "too-many-requests",
                f"{self._most} analyses of this key or address are under way already.",
                retry_after=2,
            )
        self._under_way[caller.id] += 1
        try:
            yield
        finally:
            self._under_way[caller.id] -= 1
            if not self._under_way[caller.id]:
                del self._under_way[caller.id]
