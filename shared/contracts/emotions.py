"""The seven emotions, their scores, and a judgement made from scores."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from shared.contracts.base import Contract

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class Emotion(StrEnum):
    """W3C EmotionML's "big six" plus neutral; the order here is the order of every vector of scores."""

    NEUTRAL = "neutral"
    HAPPINESS = "happiness"
    SADNESS = "sadness"
    ANGER = "anger"
    FEAR = "fear"
    DISGUST = "disgust"
    SURPRISE = "surprise"


EMOTIONS: tuple[Emotion, ...] = tuple(Emotion)


class Scores(Contract):
    """A calibrated probability for each emotion; the seven sum to 1 (within 0.01, as they are rounded)."""

    neutral: Probability
    happiness: Probability
    sadness: Probability
    anger: Probability
    fear: Probability
    disgust: Probability
    surprise: Probability

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        total = sum(self.values())
        if abs(total - 1.0) > 0.01:
            message = f"scores must sum to 1, these sum to {total:.4f}"
            raise ValueError(message)
        return self

    @classmethod
    def of(cls, probabilities: "NDArray[np.floating] | list[float] | tuple[float, ...]") -> Self:
        """Make scores from 7 probabilities in the order of `EMOTIONS`; rounded to 4 decimals.

        Raises:
            pydantic.ValidationError: not 7 values in 0..1 that sum to 1.
        """
        values = [round(float(p), 4) for p in probabilities]
        return cls(**dict(zip((e.value for e in EMOTIONS), values, strict=True)))

    def values(self) -> tuple[float, ...]:
        """Give the 7 probabilities in the order of `EMOTIONS`."""
        return (
            self.neutral,
            self.happiness,
            self.sadness,
            self.anger,
            self.fear,
            self.disgust,
            self.surprise,
        )

    def array(self) -> "NDArray[np.float64]":
        """Give the 7 probabilities as a float64 array of shape [7]."""
        import numpy as np  # noqa: PLC0415 - who only reads or draws analyses starts quicker without

        return np.asarray(self.values(), dtype=np.float64)

    @property
    def label(self) -> Emotion:
        """The emotion with the highest probability; ties go to the first in the order."""
        values = self.values()
        return EMOTIONS[values.index(max(values))]

    @property
    def confidence(self) -> float:
        """The highest probability, 1/7..1."""
        return max(self.values())


class Judgement(Contract):
    """A label with the scores that it comes from."""

    label: Emotion = Field(description="The emotion with the highest score.")
    confidence: Probability = Field(description="The calibrated probability of `label`.")
    uncertain: bool = Field(
        description="True when `confidence` is below the threshold on the network's card; of face and voice "
        "together also when the two name different emotions."
    )
    scores: Scores

    @classmethod
    def of(cls, scores: Scores, *, uncertain_below: float, contradicted: bool = False) -> Self:
        """Judge by the highest score.

        Args:
            scores: calibrated probabilities.
            uncertain_below: confidence (0..1) below which the judgement is called uncertain.
            contradicted: whether what it was made from names different emotions: then it is uncertain too.
        """
        return cls(
            label=scores.label,
            confidence=scores.confidence,
            uncertain=contradicted or scores.confidence < uncertain_below,
            scores=scores,
        )
