"""What the database says of a job."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dbos import WorkflowStatus

from shared.contracts.jobs import Job, JobProgress, JobState
from shared.contracts.problems import Problem, ProblemDocument

# The names of DBOS for where a workflow stands.
_STATES = {
    "ENQUEUED": JobState.QUEUED,
    "DELAYED": JobState.QUEUED,
    "PENDING": JobState.PROCESSING,
    "CANCELLED": JobState.CANCELLED,
    "ERROR": JobState.FAILED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": JobState.FAILED,
}


@dataclass(frozen=True)
class JobRecord:
    """One job as it was stored last.

    Args:
        id: `an_` and a ULID.
        owner: see `gateway.callers.Caller.owns`.
        lane: see `gateway.jobs.order.Order`.
        state: where it stands.
        begun: how often work on it was begun and announced.
        attempts: the same, with a beginning that is not announced yet.
        worker: the name of who took it last.
        created, started, finished: when.
        result: the name in the store under which its analysis lies, once it has succeeded.
        problem: why it failed.
        attributes: progress, callback and the like.
    """

    id: str
    owner: str
    lane: str
    state: JobState
    begun: int
    attempts: int
    worker: str | None
    created: datetime
    started: datetime | None
    finished: datetime | None
    result: str | None
    problem: ProblemDocument | None
    attributes: dict[str, Any]

    def shown(self, retention_seconds: float) -> Job:
        """Give it as a client sees it, without the analysis."""
        expires = None if self.finished is None else self.finished + timedelta(seconds=retention_seconds)
        progress = self.attributes.get("progress")
        return Job(
            id=self.id,
            state=self.state,
            attempts=self.attempts,
            created_at=self.created,
            started_at=self.started,
            finished_at=self.finished,
            expires_at=expires,
            progress=None if progress is None else JobProgress(**progress),
            problem=self.problem,
        )


def record_of(status: WorkflowStatus) -> JobRecord:
    """Read what DBOS knows of a workflow."""
    output = status.output if isinstance(status.output, dict) else {}
    attributes = dict(status.attributes or {})
    problem = output.get("problem")
    state = _STATES.get(status.status, JobState.SUCCEEDED if problem is None else JobState.FAILED)
    taken, begun = status.recovery_attempts or 0, int(attributes.get("begun", 0))
    if state is JobState.FAILED and problem is None:
        problem = _ended_without_outcome(status.status, taken).document().model_dump(exclude_none=True)
    return JobRecord(
        id=status.workflow_id,
        owner=str(attributes.get("owner", "")),
        lane=status.authenticated_user or "",
        state=state,
        begun=begun,
        attempts=max(begun, taken),
        worker=status.executor_id,
        created=_moment(status.created_at) or datetime.now(UTC),
        started=_moment(status.dequeued_at),
        finished=_moment(status.completed_at),
        result=output.get("result"),
        problem=None if problem is None else ProblemDocument.model_validate(problem),
        attributes=attributes,
    )


def _ended_without_outcome(status: str, taken: int) -> Problem:
    if status == "ERROR":
        return Problem("internal-error", "The server met a fault of its own.")
    return Problem(
        "internal-error", f"The server's process ended {taken - 1} times while it worked on this file."
    )


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
