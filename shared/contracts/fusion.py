"""The inner API of fusion_service: faces and segments in; people, moments and a verdict out."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from shared.contracts.base import Contract, Many
from shared.contracts.emotions import Emotion, Judgement, Probability, Scores
from shared.contracts.faces import MOST_FACES, Face
from shared.contracts.media import MediaKind, Modality
from shared.contracts.speech import SpeechSegment

LONGEST_SECONDS = 1e6
_MOST_MOMENTS = 100_000
_MOST_EARLIER = 1000


class Strategy(StrEnum):
    """How the modalities are joined."""

    LEARNED = "learned"  # log-linear pool with weights learned from films, by emotion and by quality
    MEAN = "mean"
    WEIGHTED = "weighted"
    MAX = "max"
    FACE = "face"
    SPEECH = "speech"


def _has_its_modality(strategy: Strategy | None, info: ValidationInfo) -> Strategy | None:
    modalities = info.data.get("modalities")
    if strategy in {Strategy.FACE, Strategy.SPEECH} and modalities is not None and strategy not in modalities:
        message = "{strategy} needs {strategy} among the modalities"
        raise PydanticCustomError("missing_modality", message, {"strategy": strategy.value})
    return strategy


# What a client wants: a field that comes after `modalities`, which have to hold what it goes by.
WantedStrategy = Annotated[Strategy | None, AfterValidator(_has_its_modality)]


class Profile(StrEnum):
    """A named set of networks."""

    DEFAULT = "default"
    PAPER = "paper"


class Baseline(StrEnum):
    """Whether the scores of a voice lean on what is usual for it."""

    AUTO = "auto"  # once enough of it was heard
    OFF = "off"


class FrameFaces(Contract):
    """The faces of one frame, as face_service gave them."""

    t: float = Field(ge=0, le=LONGEST_SECONDS, description="Presentation time, seconds.")
    faces: Many[Face] = Field(max_length=MOST_FACES)


class FusionRequest(Contract):
    """The body of `POST /v1/fusion`."""

    kind: MediaKind
    seconds: float = Field(
        ge=0, le=LONGEST_SECONDS, description="Length of the stretch analysed; 0 for a picture."
    )
    start: float = Field(
        default=0.0, ge=0, le=LONGEST_SECONDS, description="Where the stretch starts; moments begin here."
    )
    frames: Many[FrameFaces] = Field(default=(), description="In order of time; frames without faces too.")
    reminders: int = Field(
        default=0,
        ge=0,
        description="The first so many frames only remind of who was seen before: not read, but linked to.",
    )
    segments: Many[SpeechSegment] = Field(default=(), description="On the same clock as the frames.")
    modalities: tuple[Modality, ...] = Field(
        default=(Modality.FACE, Modality.SPEECH),
        min_length=1,
        description="Modalities that were asked for and could be read.",
    )
    strategy: Strategy | None = Field(default=None, description="null: the profile's own.")
    profile: Profile = Profile.DEFAULT
    baseline: Baseline = Baseline.AUTO
    earlier_segments: Many[SpeechSegment] = Field(
        default=(),
        max_length=_MOST_EARLIER,
        description="Heard before `start`, as in a live stream: they only tell what is usual for the voice.",
    )
    face_uncertain_below: Probability = 0.5
    speech_uncertain_below: Probability = 0.5
    moment_seconds: float = Field(default=1.0, ge=0.1, le=60)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        times = [frame.t for frame in self.frames]
        if times != sorted(times):
            message = "frames must be in order of time"
            raise ValueError(message)
        if self.seconds / self.moment_seconds > _MOST_MOMENTS:
            message = f"seconds / moment_seconds must be at most {_MOST_MOMENTS}"
            raise ValueError(message)
        return self


class ModalityWeights(Contract):
    """How much each modality counted; the two sum to 1."""

    face: Probability
    speech: Probability


class Verdict(Judgement):
    """The fused emotion of the whole upload."""

    weights: ModalityWeights


class BaselineUse(Contract):
    """From when on scores lean on what is usual for a person, and on how much that rests."""

    start: float = Field(ge=0, description="Seconds from which on scores lean on it.")
    readings: float = Field(
        ge=0, description="Segments of speech that it rests on; one shorter than 1.5 s counts in part."
    )
    strength: Probability = Field(description="How far scores lean on it: it grows with the readings.")


class FaceVerdict(Judgement):
    """What the faces say over the whole upload."""

    coverage: Probability = Field(description="Share of the frames with a face.")


class SpeechVerdict(Judgement):
    """What the voice says over the whole upload."""

    seconds: float = Field(ge=0, description="Seconds of speech.")
    snr_db: float = Field(description="Level of the speech over the level of the pauses, decibels.")
    baseline: BaselineUse | None = Field(
        default=None,
        description="null where scores do not lean on what is usual for the voice: too little was heard, or "
        "`baseline=off`.",
    )


class Person(Judgement):
    """Faces of one film linked over time; the id holds inside this analysis only. Nobody is recognised."""

    id: int = Field(ge=1)
    first_seen: float = Field(ge=0, description="Seconds.")
    last_seen: float = Field(ge=0, description="Seconds.")
    frames: int = Field(ge=1, description="In how many sampled frames.")


class Reading(Contract):
    """What one modality said in one moment."""

    label: Emotion
    scores: Scores


class Moment(Judgement):
    """A slice of the timeline with fused scores, and what each modality said."""

    start: float = Field(ge=0)
    end: float = Field(gt=0)
    face: Reading | None
    speech: Reading | None


class FusionResult(Contract):
    """The answer of `POST /v1/fusion`. `null` where nothing was seen or heard: never a made-up neutral."""

    emotion: Verdict | None
    face: FaceVerdict | None
    speech: SpeechVerdict | None
    people: tuple[Person, ...]
    moments: tuple[Moment, ...]
    persons_by_frame: tuple[tuple[int | None, ...], ...] = Field(
        description="For each frame sent, the person of each of its faces, in the order sent; null for a "
        "passing detection too short and weak to be taken for a person, which counts for nothing."
    )
    model: str = Field(examples=["fusion-default-1"])
