"""How much may come in how much time."""

import time
from collections.abc import Callable

_AVERAGED_SECONDS = 10.0


class Allowance:
    """So much a second, averaged over ten seconds.

    Args:
        per_second: what may come.
        clock: seconds, monotonic.
    """

    def __init__(self, per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._left = self._most = per_second * _AVERAGED_SECONDS
        self._at = clock()

    def take(self, amount: float) -> bool:
        """Take from what may come; False where there is not so much."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if amount > self._left:
            return False
        self._left -= amount
        return True
