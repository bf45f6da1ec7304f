"""Settings of face_service."""

from pathlib import Path

from pydantic import Field

from shared.contracts.faces import MOST_FACES
from shared.settings import ServiceSettings


class FaceSettings(ServiceSettings):
    """Read from the environment, prefix `EMOTION_`."""

    port: int = Field(default=8001, ge=0, le=65535, description="Port to listen on.")
    face_models: Path = Field(
        default=Path(__file__).parent / "models", description="Folder with a folder a profile."
    )
    face_pictures: int = Field(default=32, ge=1, le=1024, description="Most pictures in one call.")
    face_pixels: int = Field(
        default=50_000_000,
        ge=1,
        le=1_000_000_000,
        description="Most pixels in one call, all pictures together.",
    )
    face_max_faces: int = Field(
        default=16, ge=1, le=MOST_FACES, description="Faces kept of each picture where the call does not say."
    )
    face_expression_faces: int = Field(
        default=3, ge=0, le=64, description="Of how many faces of each picture blendshapes are read."
    )
