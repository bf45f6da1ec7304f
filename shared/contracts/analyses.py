"""What comes back for one upload, and the events on the way there."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.emotions import Emotion, Probability, Scores
from shared.contracts.faces import Box
from shared.contracts.fusion import FaceVerdict, Moment, Person, Profile, SpeechVerdict, Verdict
from shared.contracts.media import Media


class Detail(StrEnum):
    """How much of the analysis is sent back."""

    SUMMARY = "summary"
    TIMELINE = "timeline"
    FRAMES = "frames"


class Status(StrEnum):
    """`partial` when a modality that was asked for could not be read."""

    COMPLETE = "complete"
    PARTIAL = "partial"


class Notice(Contract):
    """Something a reader of the analysis should know."""

    code: str = Field(examples=["no-speech"], description="Stable name.")
    message: str = Field(description="A sentence for people.", examples=["No speech was found in the sound."])


class FrameFace(Contract):
    """One face of one frame, its scores read from this frame alone.

    Those of people, moments and the verdict also go by what the face does over time, so they may name another
    emotion than the frames do.
    """

    person: int | None = Field(ge=1, description="null in events, before faces are linked into people.")
    box: Box
    detection: Probability
    label: Emotion
    confidence: Probability
    uncertain: bool
    scores: Scores


class Frame(Contract):
    """One sampled video image with its presentation time."""

    t: float = Field(ge=0, description="Presentation time, seconds.")
    faces: tuple[FrameFace, ...]


class Segment(Contract):
    """A stretch of sound with speech in it, its scores as the voice network read it alone.

    Those of moments and the verdict may lean on what is usual for the voice: see `baseline` of `speech`.
    """

    start: float = Field(ge=0)
    end: float = Field(gt=0)
    label: Emotion
    confidence: Probability
    uncertain: bool
    scores: Scores


class Models(Contract):
    """Which networks were used; null where a modality was not asked for or not there."""

    face: str | None = Field(default=None, examples=["face-default-1"])
    speech: str | None = Field(default=None, examples=["speech-default-1"])
    fusion: str | None = Field(default=None, examples=["fusion-default-1"])


class Timings(Contract):
    """Where the time went, in milliseconds. The stages overlap, so they may add up to more than the total."""

    receive: float = Field(ge=0)
    decode: float = Field(ge=0)
    face: float = Field(ge=0)
    speech: float = Field(ge=0)
    fuse: float = Field(ge=0)
    total: float = Field(ge=0)


class Analysis(Contract):
    """Everything that comes back for one upload."""

    id: str = Field(examples=["an_01K8Z3N5T0V7Q4W2X9Y6B1C3D5"])
    status: Status
    profile: Profile
    media: Media
    emotion: Verdict | None = Field(description="The fused emotion; null when nothing could be read.")
    face: FaceVerdict | None = Field(
        description="null where no face was found, read or asked for: `notices` and `models` say which."
    )
    speech: SpeechVerdict | None = Field(
        description="null where no speech was found, read or asked for: `notices` and `models` say which."
    )
    people: tuple[Person, ...]
    moments: tuple[Moment, ...] | None = Field(description="null with `detail=summary`.")
    frames: tuple[Frame, ...] | None = Field(description="null unless `detail=frames`.")
    segments: tuple[Segment, ...] | None = Field(description="null with `detail=summary`.")
    models: Models
    timings_ms: Timings
    notices: tuple[Notice, ...]


class Probed(Contract):
    """The upload was looked into and accepted."""

    event: Literal["probed"] = "probed"
    media: Media


class Progress(Contract):
    """How far the decoder has come."""

    event: Literal["progress"] = "progress"
    seconds: float = Field(ge=0, description="Presentation time reached.")
    of_seconds: float | None = Field(description="When what is analysed ends; null when not known.")
    frames: int = Field(ge=0, description="Frames sampled so far.")


class FacesFound(Contract):
    """Faces of a batch of frames, before they are linked into people."""

    event: Literal["faces"] = "faces"
    frames: tuple[Frame, ...]


class SegmentsFound(Contract):
    """Segments of a stretch of sound."""

    event: Literal["segments"] = "segments"
    segments: tuple[Segment, ...]


class MomentsFused(Contract):
    """The timeline."""

    event: Literal["moments"] = "moments"
    moments: tuple[Moment, ...]


class Done(Contract):
    """The last event."""

    event: Literal["done"] = "done"
    analysis: Analysis


PipelineEvent = Annotated[
    Probed | Progress | FacesFound | SegmentsFound | MomentsFused | Done, Field(discriminator="event")
]
