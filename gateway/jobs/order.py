"""What a job is to do."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Order:
    """What is to be done.

    Args:
        id: of the job.
        owner: see `gateway.callers.Caller.owns`.
        lane: jobs of one lane share a limit; the caller's id.
        upload: its name in the store.
        options: `AnalysisOptions` as JSON.
        receive_ms: how long the upload took.
        attributes: what is kept beside it.
    """

    id: str
    owner: str
    lane: str
    upload: str
    options: dict[str, Any]
    receive_ms: float
    attributes: dict[str, Any]
