"""Settings of fusion_service."""

from pathlib import Path

from pydantic import Field

from shared.settings import ServiceSettings


class FusionSettings(ServiceSettings):
    """Read from the environment, prefix `EMOTION_`."""

    port: int = Field(default=8003, ge=0, le=65535, description="Port to listen on.")
    max_body_bytes: int = Field(
        default=384 * 1024 * 1024,
        ge=1024,
        description="Longest request body, bytes: an hour with sixteen faces in every frame is about 200 MB.",
    )
    fusion_models: Path = Field(
        default=Path(__file__).parent / "models", description="Folder with a folder a profile."
    )
