"""Settings of the gateway."""

import re
import tempfile
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from gateway.addresses import as_origin, as_service_url
from gateway.jobs.settings import JobSettings, WebhookSettings
from gateway.live.settings import LiveSettings
from gateway.media.limits import MediaLimits
from shared.settings import Seconds, ServiceSettings, usable_cpus

Origin = Annotated[str, AfterValidator(as_origin)]
ServiceUrl = Annotated[str, AfterValidator(as_service_url)]


class GatewaySettings(ServiceSettings):
    """Read from the environment, prefix `EMOTION_`."""

    # A wrong value may be a secret, and what stops the start is logged.
    model_config = SettingsConfigDict(hide_input_in_errors=True)

    port: int = Field(default=8000, ge=0, le=65535)
    face_url: ServiceUrl = Field(default="http://127.0.0.1:8001", description="Where face_service listens.")
    speech_url: ServiceUrl = Field(
        default="http://127.0.0.1:8002", description="Where speech_service listens."
    )
    fusion_url: ServiceUrl = Field(
        default="http://127.0.0.1:8003", description="Where fusion_service listens."
    )
    temporary_folder: Path = Field(
        default_factory=lambda: Path(tempfile.gettempdir()),
        description="Where uploads wait, as files without a name.",
    )
    keep_free_bytes: int | None = Field(
        default=None,
        ge=0,
        description="What uploads under way leave free, together, on the disk of `temporary_folder`, bytes; "
        "64 MiB where not set, and at most an eighth of the disk.",
    )
    max_upload_bytes: int = Field(default=512 * 1024 * 1024, ge=1024, description="Longest upload, bytes.")
    upload_idle_seconds: Seconds = Field(default=15.0, description="Longest pause inside an upload.")
    upload_min_bytes_per_second: int = Field(
        default=1024, ge=0, description="Slowest upload, averaged, once `upload_idle_seconds` have passed."
    )
    max_analyses: int = Field(
        default_factory=lambda: 2 * usable_cpus(), ge=1, description="Analyses at once."
    )
    max_waiting: int = Field(default=8, ge=0, description="Uploads that may wait for their turn.")
    max_faces: int = Field(
        default=16, ge=1, le=64, description="Most faces read of each picture or frame, the largest."
    )
    max_faces_in_all: int = Field(
        default=450_000,
        ge=1,
        description="Most faces of all frames of an upload together; fusion_service takes about 500,000.",
    )
    media: MediaLimits = Field(
        default=MediaLimits(), description="Limits on one upload, as in `EMOTION_MEDIA__MAX_SECONDS=600`."
    )
    inner_seconds: Seconds = Field(
        default=30.0, description="Longest call to an inner service; a long film is fused for longer."
    )
    frames_per_call: int = Field(default=8, ge=1, le=32, description="Frames in one call to face_service.")
    calls_in_flight: int = Field(
        default=2, ge=1, le=16, description="Calls to one inner service, per analysis."
    )
    stretch_seconds: float = Field(default=30.0, ge=2, le=60, description="Longest sound in one call.")
    jobs: JobSettings = Field(
        default_factory=JobSettings, description="Jobs, as in `EMOTION_JOBS__AT_ONCE=2`."
    )
    live: LiveSettings = Field(
        default_factory=LiveSettings, description="Live streams, as in `EMOTION_LIVE__MAX_STREAMS=4`."
    )
    webhooks: WebhookSettings = Field(default_factory=WebhookSettings, description="Calls of `callback_url`.")
    api_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Hashes of the keys that may call, with commas (`emotion keys create`); none: everybody.",
    )
    max_analyses_per_caller: int | None = Field(
        default=None,
        ge=1,
        description="Analyses of one key or address at once; no limit of its own without it.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Addresses or networks of proxies, with commas, whose X-Forwarded-For is believed.",
    )
    cors_origins: Annotated[tuple[Origin, ...], NoDecode] = Field(
        default=(),
        description="Origins whose pages may call, with commas; `*` for all; only our own without it.",
    )

    @field_validator("api_keys", "cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_network(each)) for each in value)

    @field_validator("temporary_folder")
    @classmethod
    def _takes_files(cls, value: Path) -> Path:
        try:
            tempfile.TemporaryFile(dir=value).close()
        except OSError as error:
            message = f"no file can be made there: {error.strerror}"
            raise ValueError(message) from error
        return value

    @field_validator("api_keys")
    @classmethod
    def _are_hashes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in value):
            message = "must be hashes as `emotion keys create` prints them, never the keys themselves"
            raise ValueError(message)
        return value
