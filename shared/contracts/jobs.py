"""A job: an analysis that goes on without its client, and what can be seen of it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from shared.contracts.analyses import (
    Analysis,
    Done,
    FacesFound,
    MomentsFused,
    Probed,
    Progress,
    SegmentsFound,
)
from shared.contracts.base import Contract
from shared.contracts.problems import ProblemDocument


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """True where nothing more will happen."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


class JobProgress(Contract):
    """How far the decoder has come."""

    seconds: float = Field(ge=0, description="Presentation time reached.")
    of_seconds: float | None = Field(description="When what is analysed ends; null when not known.")
    frames: int = Field(ge=0, description="Frames sampled so far.")


class Job(Contract):
    """One analysis that was accepted, with what has been stored of it."""

    id: str = Field(examples=["an_01K8Z3N5T0V7Q4W2X9Y6B1C3D5"])
    state: JobState
    attempts: int = Field(
        ge=0, description="How often it was begun; more than once after a fault or while services were down."
    )
    created_at: datetime
    started_at: datetime | None = Field(description="When it was begun last; null while it is queued.")
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="When it is erased; null until it has finished.")
    progress: JobProgress | None = Field(description="null until the decoder has begun.")
    problem: ProblemDocument | None = Field(description="Why it failed; null otherwise.")
    analysis: Analysis | None = Field(default=None, description="null until it has succeeded.")
    ahead: int | None = Field(
        default=None,
        ge=0,
        description="Jobs that came before it and wait too, as `GET` tells; null where it does not wait.",
    )


class Started(Contract):
    """The analysis begins; after a fault it begins anew, and what was told before is void."""

    event: Literal["started"] = "started"
    attempt: int = Field(ge=1, description="1, and a higher number each time that it begins anew.")


class Failed(Contract):
    """The last event of a job that failed."""

    event: Literal["failed"] = "failed"
    problem: ProblemDocument


class Cancelled(Contract):
    """The last event of a job that was cancelled."""

    event: Literal["cancelled"] = "cancelled"


JobEvent = Annotated[
    Started | Probed | Progress | FacesFound | SegmentsFound | MomentsFused | Done | Failed | Cancelled,
    Field(discriminator="event"),
]
JOB_EVENT: TypeAdapter[
    Started | Probed | Progress | FacesFound | SegmentsFound | MomentsFused | Done | Failed | Cancelled
] = TypeAdapter(JobEvent)


class EndedJob(Contract):
    """Which job a webhook speaks of."""

    id: str = Field(examples=["an_01K8Z3N5T0V7Q4W2X9Y6B1C3D5"])
    state: Literal[JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED]


class JobEnded(Contract):
    """What a `callback_url` is told."""

    type: Literal["analysis.succeeded", "analysis.failed", "analysis.cancelled"]
    timestamp: datetime = Field(description="When it ended.")
    data: EndedJob
