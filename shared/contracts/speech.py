"""The inner API of speech_service: 16 kHz mono sound in, segments out."""

from pydantic import Field

from shared.contracts.base import Contract, PackedVector
from shared.contracts.emotions import Probability, Scores


class SpeechSegment(Contract):
    """A stretch of sound with speech in it."""

    start: float = Field(ge=0, le=1e6, description="Seconds from the start of the sound that was sent.")
    end: float = Field(gt=0, le=1e6, description="Seconds from the start of the sound that was sent.")
    scores: Scores
    snr_db: float = Field(
        ge=-100, le=200, description="Level of the speech over that of the pauses, decibels."
    )
    voice: PackedVector | None = Field(
        default=None, description="What the network read, for leaning on a speaker's own baseline."
    )


class SpeechAnalysis(Contract):
    """The answer of `POST /v1/speech`."""

    segments: tuple[SpeechSegment, ...] = Field(
        description="In order of time, not overlapping; empty when there is no speech."
    )
    sound_seconds: float = Field(ge=0, description="Length of the sound that was sent.")
    speech_seconds: float = Field(ge=0, description="How much of it is speech.")
    scores: Scores | None = Field(description="Over all segments together; null when there is no speech.")
    snr_db: float | None = Field(description="Over the whole; null when there is no speech.")
    model: str = Field(examples=["speech-default-1"])
    uncertain_below: Probability
    compute_ms: float = Field(ge=0, description="Time spent inside the networks.")
