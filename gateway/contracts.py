"""What only the gateway's own public API speaks of."""

from pydantic import Field

from gateway.media.limits import MediaLimits
from shared.contracts.base import Contract
from shared.contracts.live import LiveLimits


class Limits(Contract):
    """Every limit with its value."""

    max_upload_bytes: int = Field(description="Longest upload, bytes.")
    max_analyses: int = Field(description="Analyses at once.")
    max_waiting: int = Field(
        description="Uploads that may wait for their turn; one more is refused with 503."
    )
    max_faces: int = Field(description="Most faces read of each picture or frame, the largest.")
    max_faces_in_all: int = Field(description="Most faces of all frames of an upload together.")
    max_fps: float = Field(description="Most frames a second that `fps` may ask for.")
    request_seconds: float = Field(description="Longest time for one request.")
    upload_idle_seconds: float = Field(description="Longest pause inside an upload.")
    upload_min_bytes_per_second: int = Field(description="Slowest upload, on average.")
    max_jobs: int = Field(description="Jobs that may wait or run.")
    max_jobs_per_caller: int = Field(description="Jobs of one key or address that may wait or run.")
    max_analyses_per_caller: int | None = Field(
        description="Analyses of one key or address at once; null for no limit of its own."
    )
    job_seconds: float = Field(description="Longest time for one job.")
    retention_seconds: float = Field(description="How long a finished job can be fetched.")
    max_live_streams: int = Field(description="Live streams at once.")
    live: LiveLimits = Field(description="What one live stream may be: docs/live.md.")
    media: MediaLimits
