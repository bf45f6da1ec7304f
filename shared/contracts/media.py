"""What an upload is: its kind, its container and its streams."""

from enum import StrEnum

from pydantic import Field

from shared.contracts.base import Contract


class MediaKind(StrEnum):
    """The three kinds of media."""

    PICTURE = "picture"
    SOUND = "sound"
    FILM = "film"


class Modality(StrEnum):
    """What emotions are read from."""

    FACE = "face"
    SPEECH = "speech"


class VideoStream(Contract):
    """The video stream (or the one picture) as the container declares it."""

    codec: str = Field(examples=["h264"])
    width: int = Field(ge=1, description="Pixels, before turning upright.")
    height: int = Field(ge=1, description="Pixels, before turning upright.")
    fps: float | None = Field(default=None, ge=0, description="Average frames a second; null when not known.")
    rotation: int = Field(
        default=0, description="Degrees clockwise that turn the picture upright: 0, 90, 180 or 270."
    )


class AudioStream(Contract):
    """The audio stream as the container declares it."""

    codec: str = Field(examples=["aac"])
    rate: int = Field(ge=1, description="Samples a second.")
    channels: int = Field(ge=1)
    start: float = Field(
        default=0.0, ge=0, description="When its first sample is heard, seconds; what is before is silence."
    )


class Media(Contract):
    """What was uploaded, read from its bytes and never from its name."""

    kind: MediaKind
    container: str = Field(examples=["mp4"])
    seconds: float | None = Field(
        default=None,
        ge=0,
        description="When it ends, counted from 0 as players count: its length, where it begins at 0. "
        "Rounded up to milliseconds: nothing in a result ends later. "
        "Null for a picture, and until decoded where the container does not say.",
    )
    video: VideoStream | None = None
    audio: AudioStream | None = None
