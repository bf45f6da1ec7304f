"""What a connection asks before it hands a request to the application, and whom it tells what it refused.

A refusal written by the connection itself costs a fifth of one that goes through the application.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from shared.contracts.problems import Problem
from shared.metrics import ServiceMetrics

_LOG_EVERY_SECONDS = 1.0

_log = logging.getLogger("shared.requests")

Headers = Sequence[tuple[bytes, bytes]]


class Guard(Protocol):
    """Decides by a request's head alone; asked for every request, so it must be quick."""

    path: str

    def refusal(self, method: bytes, path: bytes, headers: Headers) -> Problem | None:
        """Give the problem to answer with; None to let the application decide.

        Args:
            method: as sent.
            path: as sent, without the query.
            headers: names in small letters.
        """


def front_door_of(app: object) -> "FrontDoor | None":
    """Give the front door of an application; one that is not one of our services has none."""
    return getattr(getattr(app, "state", None), "front_door", None)


class FrontDoor:
    """Counts what connections refuse by themselves. Lives on `app.state.front_door`.

    Args:
        metrics: of the service.
    """

    def __init__(self, metrics: ServiceMetrics) -> None:
        self._metrics = metrics
        self._unsaid: Counter[str] = Counter()
        self.guard: Guard | None = None

    def refusal(self, method: bytes, url: bytes, headers: Headers) -> Problem | None:
        """Ask the guard, if there is one, and count what it refuses."""
        if self.guard is None:
            return None
        began = time.perf_counter()
        problem = self.guard.refusal(method, url.partition(b"?")[0], headers)
        if problem is not None:
            self.refused(problem)
            labels = (method.decode("ascii"), self.guard.path, str(problem.status))
            self._metrics.request_duration.labels(*labels).observe(time.perf_counter() - began)
        return problem

    def refused(self, problem: Problem) -> None:
        """Count a refusal; all of one second share a line of the log, lest a flood fills the disk."""
        self._metrics.refusals.labels(problem.name).inc()
        if not self._unsaid:
            asyncio.get_running_loop().call_later(_LOG_EVERY_SECONDS, self._say)
        self._unsaid[problem.name] += 1

    def _say(self) -> None:
        refused = dict(self._unsaid)
        self._unsaid.clear()
        _log.info("refused by the connection", extra={"fields": {"refused": refused}})
