"""Settings of speech_service."""

from pathlib import Path

from pydantic import Field

from shared.settings import ServiceSettings


class SpeechSettings(ServiceSettings):
    """Read from the environment, prefix `EMOTION_`."""

    port: int = Field(default=8002, ge=0, le=65535, description="Port to listen on.")
    speech_seconds: float = Field(
        default=60.0, gt=0, le=600, description="Longest sound of one call, seconds; the gateway sends less."
    )
    speech_models: Path = Field(
        default=Path(__file__).parent / "models", description="Folder with a folder a profile."
    )
