"""The messages of `WS /v1/live`: docs/live.md tells how they follow each other."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, field_validator

from shared.contracts.analyses import Frame, Notice, Probed, SegmentsFound
from shared.contracts.base import Contract
from shared.contracts.fusion import Baseline, BaselineUse, Moment, Person, Profile, WantedStrategy
from shared.contracts.media import Modality
from shared.contracts.problems import ProblemDocument


class LiveOpen(Contract):
    """The first message of the client: who it is, and what it wants."""

    # `ready` gives it back: one schema, whichever way it goes.
    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    event: Literal["open"]
    source: Literal["container", "pictures"] = Field(
        description="`container`: WebM or fragmented MP4 in pieces; `pictures`: JPEG and 16-bit sound, each "
        "in a packet with its time."
    )
    key: str | None = Field(
        default=None,
        max_length=256,
        description="An API key, where the server asks for one and no header could be set.",
    )
    fps: float = Field(default=5.0, gt=0, le=10, description="At most so many frames a second are read.")
    modalities: tuple[Modality, ...] = Field(
        default=tuple(Modality), min_length=1, max_length=2, description="What to read."
    )
    profile: Profile = Profile.DEFAULT
    strategy: WantedStrategy = Field(default=None, description="null: the profile's own.")
    baseline: Baseline = Field(
        default=Baseline.AUTO,
        description="Whether the scores of a voice lean on what was usual for it before.",
    )
    window_seconds: float = Field(default=5.0, ge=1, le=10, description="What a fused moment looks back on.")
    sound_rate: int = Field(
        default=16_000, ge=8_000, le=48_000, description="Samples a second of sound packets."
    )

    @field_validator("modalities")
    @classmethod
    def _each_once(cls, value: tuple[Modality, ...]) -> tuple[Modality, ...]:
        if len(set(value)) < len(value):
            message = "each modality may stand there once"
            raise ValueError(message)
        return value


class LiveEnd(Contract):
    """Nothing more will be sent; what has arrived is still read, then `done` comes."""

    event: Literal["end"]


class LivePing(Contract):
    """Answered by `pong` at once."""

    event: Literal["ping"]


class LiveLimits(Contract):
    """What holds for this stream."""

    max_seconds: float = Field(description="Longest stream, seconds.")
    idle_seconds: float = Field(description="Longest pause in which no media arrive, seconds.")
    max_bytes: int = Field(description="Most bytes of one stream.")
    max_message_bytes: int = Field(description="Longest message, bytes.")
    bytes_per_second: int = Field(description="Most bytes a second, averaged over ten seconds.")
    messages_per_second: int = Field(description="Most messages a second, averaged over ten seconds.")
    max_lead_seconds: float = Field(description="How far times in the media may run ahead of the clock.")
    send_seconds: float = Field(description="How long an event may wait for a slow reader.")


class LiveReady(Contract):
    """The stream may be sent."""

    event: Literal["ready"] = "ready"
    session: str = Field(examples=["lv_01K8Z3N5T0V7Q4W2X9Y6B1C3D5"], description="For logs and reports.")
    limits: LiveLimits
    options: LiveOpen = Field(description="What holds; `key` is left out.")


class LiveFaces(Contract):
    """The faces of one frame; sent as soon as they are known."""

    event: Literal["faces"] = "faces"
    frames: tuple[Frame, ...] = Field(
        description="One frame. `person` holds for the whole stream; null for a passing detection, or while "
        "fusion_service cannot be reached."
    )
    took_ms: float = Field(ge=0, description="Since the picture arrived (or left the decoder) here.")


class LiveMoment(Contract):
    """What was seen and heard in the last seconds, joined; about once a second."""

    event: Literal["moment"] = "moment"
    start: float = Field(ge=0, description="Seconds of the stream.")
    end: float = Field(ge=0, description="Seconds of the stream.")
    moment: Moment | None = Field(description="null where nothing was seen or heard.")
    people: tuple[Person, ...] = Field(
        description="Who was seen in the last 8 seconds (`window_seconds`, where that is longer), and what "
        "each face expressed over them; `first_seen` holds for the whole stream."
    )
    baseline: BaselineUse | None = Field(
        default=None,
        description="From when on scores of the voice lean on what was usual for it before, and on how much "
        "that rests; null where they do not.",
    )


class FrameCounts(Contract):
    """Where frames went. What is none of the last four is on its way."""

    received: int = Field(ge=0, description="Pictures that arrived, or frames that the decoder sampled.")
    skipped: int = Field(ge=0, description="Beyond the `fps` asked for.")
    dropped: int = Field(ge=0, description="Too old when their turn came: a newer one was there.")
    read: int = Field(ge=0, description="Answered by face_service.")
    lost: int = Field(ge=0, description="Not answered: face_service failed or was too busy.")


class SoundCounts(Contract):
    """Where sound went, in seconds. What is none of the last three is on its way."""

    received: float = Field(ge=0)
    dropped: float = Field(ge=0, description="Too old when its turn came.")
    read: float = Field(ge=0, description="Answered by speech_service.")
    lost: float = Field(ge=0, description="Not answered: speech_service failed or was too busy.")


class LiveProgress(Contract):
    """How far the stream has come; about once a second."""

    event: Literal["progress"] = "progress"
    seconds: float = Field(ge=0, description="Time reached in the stream.")
    frames: FrameCounts
    sound: SoundCounts


class LiveNotice(Contract):
    """Something changed that a viewer should know."""

    event: Literal["notice"] = "notice"
    notice: Notice


class LivePong(Contract):
    """The answer to `ping`."""

    event: Literal["pong"] = "pong"


class LiveProblem(Contract):
    """The stream ends here, and why; the close code follows."""

    event: Literal["problem"] = "problem"
    problem: ProblemDocument


class LiveDone(Contract):
    """Everything was read; close code 1000 follows."""

    event: Literal["done"] = "done"
    seconds: float = Field(ge=0, description="Length of the stream.")
    frames: FrameCounts
    sound: SoundCounts
    people: int = Field(ge=0, description="How many people were told apart.")
    notices: tuple[Notice, ...]


FromClient = Annotated[LiveOpen | LiveEnd | LivePing, Field(discriminator="event")]
FROM_CLIENT: TypeAdapter[LiveOpen | LiveEnd | LivePing] = TypeAdapter(FromClient)

LiveEvent = (
    LiveReady
    | Probed
    | LiveFaces
    | SegmentsFound
    | LiveMoment
    | LiveProgress
    | LiveNotice
    | LivePong
    | LiveProblem
    | LiveDone
)
TO_CLIENT: TypeAdapter[LiveEvent] = TypeAdapter(Annotated[LiveEvent, Field(discriminator="event")])
