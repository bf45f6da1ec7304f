"""What DBOS runs for a job: one step that may be tried again, then the end of the upload.

DBOS keeps one engine a process, with its workflows registered by name; the worker of this process is seated
here.
"""

from http import HTTPStatus
from typing import Any, Protocol

from dbos import DBOS

from gateway.jobs.book import WEBHOOK, WORKFLOW
from shared.contracts.problems import Problem

# A file that kills the process is not tried for ever.
_MOST_RESTARTS = 3
_TRIES_WHILE_SERVICES_ARE_DOWN = 4

Outcome = dict[str, Any]


class StoppedError(BaseException):
    """The worker stops: nothing is recorded, so that the job goes on where it is taken up again."""


class Performer(Protocol):
    """Works on one job in a thread of DBOS."""

    def perform(self, job_id: str, upload: str, options: dict[str, Any], receive_ms: float) -> Outcome:
        """Analyse; give `{"result": name}` or `{"problem": document}`.

        Raises:
            Problem: with status 503, where it may be tried again.
            StoppedError: the worker stops.
        """

    def settle(self, job_id: str, upload: str, outcome: Outcome) -> None:
        """Delete the upload, and tell whom it concerns. May be called again for the same job."""

    def call(self, url: str, job_id: str, state: str) -> bool:
        """Call a webhook once; tell whether it was taken."""

    def call_later(self, url: str, job_id: str, state: str, attempt: int, lane: str) -> None:
        """Store that a webhook is to be called again after a pause, unless that were one call too many."""


_seats: list[Performer] = []


def take_seat(performer: Performer) -> None:
    """Let a worker do what DBOS runs in this process.

    Raises:
        RuntimeError: another worker of this process does.
    """
    if _seats:
        message = "this process has a worker already"
        raise RuntimeError(message)
    _seats.append(performer)


def leave_seat() -> None:
    """Leave what DBOS still runs in this process without a worker."""
    _seats.clear()


def _seated() -> Performer:
    if not _seats:
        raise StoppedError
    return _seats[0]


def is_passing(outcome: Outcome) -> bool:
    """Tell whether it failed because a service was down, which passes."""
    return bool(outcome.get("problem", {}).get("status") == HTTPStatus.SERVICE_UNAVAILABLE)


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, Problem) and error.status == HTTPStatus.SERVICE_UNAVAILABLE


def _is_last_try() -> bool:
    status = DBOS.step_status
    return status is None or status.current_attempt == _TRIES_WHILE_SERVICES_ARE_DOWN - 1


@DBOS.step(
    name="perform",
    retries_allowed=True,
    interval_seconds=1.0,
    backoff_rate=2.0,
    max_attempts=_TRIES_WHILE_SERVICES_ARE_DOWN,
    should_retry=_is_passing,
)
def _perform(job_id: str, upload: str, options: dict[str, Any], receive_ms: float) -> Outcome:
    try:
        return _seated().perform(job_id, upload, options, receive_ms)
    except Problem as problem:
        if _is_passing(problem) and not _is_last_try():
            raise
        return {"problem": problem.document().model_dump(exclude_none=True)}


@DBOS.workflow(name=WORKFLOW, max_recovery_attempts=_MOST_RESTARTS)
def _analysis(job_id: str, upload: str, options: dict[str, Any], receive_ms: float) -> Outcome:
    outcome = _perform(job_id, upload, options, receive_ms)
    _seated().settle(job_id, upload, outcome)
    return outcome


@DBOS.step(name="call")
def _call(url: str, job_id: str, state: str) -> bool:
    return _seated().call(url, job_id, state)


@DBOS.workflow(name=WEBHOOK)
def _webhook(url: str, job_id: str, state: str, attempt: int = 0, lane: str = "") -> bool:
    taken = _call(url, job_id, state)
    if not taken:
        # In the queue a pause holds none of the places that calls of others need, and outlasts a restart.
        _seated().call_later(url, job_id, state, attempt + 1, lane)
    return taken
