"""What a caller asks of the decoder."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class DecodeOptions(BaseModel):
    """Which part of the media is decoded, and into what."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    fps: float = Field(default=5.0, gt=0, le=240, description="At most so many frames a second of a film.")
    start: float | None = Field(default=None, ge=0, description="Seconds of the film or sound to begin at.")
    end: float | None = Field(default=None, gt=0, description="Seconds of the film or sound to stop before.")
    faces: bool = Field(default=True, description="Whether pictures and frames are wanted.")
    sound: bool = Field(default=True, description="Whether sound is wanted.")
    frame_side: int = Field(
        default=640, ge=16, le=4096, description="Longer side of a film's frames at most, pixels."
    )
    picture_side: int = Field(
        default=1280, ge=16, le=4096, description="Longer side of a picture at most, pixels."
    )
    unended: Literal["container", "packets"] | None = Field(
        default=None, description="What comes through a pipe that has not ended; null for a file."
    )
    sound_rate: int = Field(default=16_000, ge=8_000, le=48_000, description="Of sound packets, Hz.")

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> Self:
        if self.end is not None and self.end <= self.begin:
            message = "`end` must be greater than `start`"
            raise ValueError(message)
        return self

    @property
    def begin(self) -> float:
        """`start`, or zero."""
        return self.start or 0.0
