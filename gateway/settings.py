"""Settings of the gateway."""

import tempfile
from pathlib import Path

from pydantic import Field

from gateway.media.limits import MediaLimits
from shared.settings import ServiceSettings, usable_cpus


class GatewaySettings(ServiceSettings):
    """Read from the environment, prefix `EMOTION_`."""

    port: int = Field(default=8000, ge=0, le=65535)
    face_url: str = Field(default="http://127.0.0.1:8001", description="Where face_service listens.")
    speech_url: str = Field(default="http://127.0.0.1:8002", description="Where speech_service listens.")
    fusion_url: str = Field(default="http://127.0.0.1:8003", description="Where fusion_service listens.")
    temporary_folder: Path = Field(
        default_factory=lambda: Path(tempfile.gettempdir()),
        description="Where uploads wait, as files without a name.",
    )
    max_upload_bytes: int = Field(default=512 * 1024 * 1024, ge=1024, description="Longest upload, bytes.")
    upload_idle_seconds: float = Field(default=15.0, gt=0, description="Longest pause inside an upload.")
    upload_min_bytes_per_second: int = Field(
        default=1024, ge=0, description="Slowest upload, averaged, once `upload_idle_seconds` have passed."
    )
    max_analyses: int = Field(
        default_factory=lambda: 2 * usable_cpus(), ge=1, description="Analyses at once."
    )
    max_waiting: int = Field(default=8, ge=0, description="Uploads that may wait for their turn.")
    media: MediaLimits = Field(
        default=MediaLimits(), description="Limits on one upload, as in `EMOTION_MEDIA__MAX_SECONDS=600`."
    )
    inner_seconds: float = Field(default=30.0, gt=0, description="Longest call to an inner service.")
    frames_per_call: int = Field(default=8, ge=1, le=32, description="Frames in one call to face_service.")
    calls_in_flight: int = Field(
        default=2, ge=1, le=16, description="Calls to one inner service, per analysis."
    )
    stretch_seconds: float = Field(default=30.0, ge=2, le=60, description="Longest sound in one call.")
