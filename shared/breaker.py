"""A circuit breaker: after repeated failures, fail at once for a while instead of waiting each time."""

import time
from collections.abc import Callable


class Breaker:
    """Counts failures in a row; open after `failures`, and then one trial call every `seconds`.

    Args:
        failures: failures in a row that open it.
        seconds: how long it stays open before a trial is let through.
        clock: seconds, monotonic.
    """

    def __init__(
        self, *, failures: int = 5, seconds: float = 2.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._failures = failures
        self._seconds = seconds
        self._clock = clock
        self._in_a_row = 0
        self._closed_again_at = 0.0

    @property
    def is_open(self) -> bool:
        """True while calls fail at once, but for a trial now and then."""
        return self._in_a_row >= self._failures

    def allows(self) -> bool:
        """Tell whether a call may be made now; when open, lets one trial through and waits again."""
        if not self.is_open:
            return True
        now = self._clock()
        if now < self._closed_again_at:
            return False
        self._closed_again_at = now + self._seconds
        return True

    def succeeded(self) -> None:
        """Close."""
        self._in_a_row = 0

    def failed(self) -> None:
        """Count a failure."""
        self._in_a_row += 1
        if self._in_a_row == self._failures:
            self._closed_again_at = self._clock() + self._seconds
