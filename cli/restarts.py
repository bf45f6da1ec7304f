"""How often, and how soon, a service is started again."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RestartRules:
    """A budget, so that a service that cannot run does not start for ever.

    Args:
        most: restarts within `seconds` at most.
        seconds: the window.
        first_pause: seconds before the first restart; doubled each time within the window.
        longest_pause: seconds at most.
    """

    most: int = 4
    seconds: float = 60.0
    first_pause: float = 0.25
    longest_pause: float = 8.0


class RestartBudget:
    """Counts the restarts of one service.

    Args:
        rules: what is allowed.
    """

    def __init__(self, rules: RestartRules) -> None:
        self._rules = rules
        self._at: deque[float] = deque()

    def take(self, now: float) -> float | None:
        """Take one restart.

        Args:
            now: seconds, monotonic.

        Returns:
            Seconds to pause before it; None when the budget is spent.
        """
        while self._at and self._at[0] <= now - self._rules.seconds:
            self._at.popleft()
        if len(self._at) >= self._rules.most:
            return None
        pause = min(self._rules.longest_pause, self._rules.first_pause * 2.0 ** len(self._at))
        self._at.append(now)
        return pause
