"""The learned numbers of the fusion: what `models/<profile>/fusion/*.json` holds, and how it is loaded."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from shared.contracts.base import Contract
from shared.contracts.emotions import EMOTIONS, Probability
from shared.contracts.fusion import Strategy
from shared.contracts.manifests import Manifest
from shared.contracts.vectors import unpack_vector
from shared.inference import ModelFileError, load_manifest

Seven = tuple[float, float, float, float, float, float, float]


class FaceQualityCurve(Contract):
    """How far one face in one frame is to be trusted.

    Each factor is 1/2 at its half value; a half value of 0 switches it off.
    """

    pixels_half: float = Field(ge=0, description="Face size in pixels at which half the trust is left.")
    sharpness_half: float = Field(ge=0, description="Sharpness at which half the trust is left.")
    yaw_half: float = Field(ge=0, description="Turn of the head in degrees at which half the trust is left.")
    detection_power: float = Field(ge=0, description="The detection score counts to this power.")
    prominence_power: float = Field(ge=0, description="A face counts among others by its size to this power.")
    coverage_half: float = Field(
        ge=0, description="Share of frames with a face at which half the trust is left."
    )


class SpeechQualityCurve(Contract):
    """How far one segment of speech is to be trusted."""

    seconds_half: float = Field(
        ge=0, description="Length of a segment at which half the trust is left; 0 switches it off."
    )
    snr_half: float = Field(description="Signal to noise (decibels) at which half the trust is left.")
    snr_width: float = Field(ge=0, description="Decibels from half to 73 % trust; 0 switches it off.")


class PoolWeights(Contract):
    """The log-linear pool: `log p = sum over m of q_m * w_m[e] * log p_m[e]`, up to a constant."""

    face: Seven = Field(description="Weight of the face for each emotion, at full quality; not negative.")
    speech: Seven = Field(description="Weight of the voice for each emotion, at full quality; not negative.")
    quality_power: float = Field(ge=0, description="The quality (0..1) of a modality counts to this power.")

    @model_validator(mode="after")
    def _not_negative(self) -> Self:
        # A negative weight would let agreement lower the confidence.
        if min(self.face) < 0 or min(self.speech) < 0 or sum(self.face) + sum(self.speech) == 0:
            message = "weights of the pool must not be negative, nor all zero"
            raise ValueError(message)
        return self


class LinkingRules(Contract):
    """When two faces are taken for the same person."""

    continues: float = Field(
        ge=-1,
        le=1,
        description="Cosine of two faces, one after the other in one place, from which they are linked.",
    )
    same: float = Field(
        ge=-1,
        le=1,
        description="Mean cosine of all faces of two stretches, from which they are one person's, wherever.",
    )
    different: float = Field(
        ge=-1, le=1, description="The same for one or two faces between others in the same place."
    )
    patience: float = Field(gt=0, description="Seconds without detection after which place no longer counts.")
    passing_evidence: float = Field(
        ge=0, description="Sum of squared detection scores below which a track is passing."
    )


_Packed = Annotated[str, Field(description="base64 of little-endian float16 values, row by row")]


class PairVotes(Contract):
    """Support vector machines over the features of `TrackHead`, one for each pair of emotions.

    Each is linear in waves of random frequencies (Rahimi, Recht 2007, "Random features for large-scale kernel
    machines"), so that no example of what was learned from is kept.
    """

    pairs: tuple[tuple[int, int], ...] = Field(description="Two emotions, 0..6, for every machine.")
    furthest: float = Field(gt=0, description="A standardised feature further out is taken for this far.")
    directions: int = Field(ge=1, description="Principal directions of the standardised features.")
    basis: _Packed = Field(description="[features, directions].")
    frequencies: _Packed = Field(description="[directions, waves]")
    phases: _Packed = Field(description="[waves]")
    shares: _Packed = Field(description="[pairs, waves]: what each wave adds to a margin.")
    offsets: tuple[float, ...] = Field(description="[pairs]")
    temperature: float = Field(gt=0)
    weight: float = Field(ge=0, description="Weight in the log-linear pool with the still pictures.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        basis, frequencies, phases, shares = self.arrays
        waves = {frequencies.shape[1], len(phases), shares.shape[1]}
        if len(self.offsets) != len(self.pairs) or len(waves) != 1 or not len(basis):
            message = "rows and columns of the votes do not fit together"
            raise ValueError(message)
        if not all(0 <= emotion < len(EMOTIONS) for pair in self.pairs for emotion in pair):
            message = "a pair of the votes names an emotion that there is not"
            raise ValueError(message)
        return self

    @cached_property
    def arrays(self) -> tuple[NDArray[np.float64], ...]:
        """Basis, frequencies, phases and shares, in their shapes.

        Raises:
            ValueError: their lengths do not allow these.
        """
        return (
            unpack_vector(self.basis).astype(np.float64).reshape(-1, self.directions),
            unpack_vector(self.frequencies).astype(np.float64).reshape(self.directions, -1),
            unpack_vector(self.phases).astype(np.float64),
            unpack_vector(self.shares).astype(np.float64).reshape(len(self.pairs), -1),
        )


class TrackHead(Contract):
    """A linear layer over statistics of the expression vectors of one person over some seconds."""

    dimensions: int = Field(ge=1, description="Length of an expression vector.")
    step_seconds: float = Field(gt=0, description="Frames that follow each other faster are left out.")
    longest_step_seconds: float = Field(gt=0, description="Frames further apart are another stretch.")
    window_seconds: float = Field(
        gt=0, description="Longer stretches are read in parts of this length at most."
    )
    min_seconds: float = Field(ge=0, description="Shortest stretch that is read.")
    min_frames: int = Field(ge=2)
    centre: tuple[float, ...] = Field(description="Mean of every feature in training.")
    scale: tuple[float, ...] = Field(description="Spread of every feature in training.")
    furthest: float = Field(
        default=4.0, gt=0, description="For the layer, a feature further than this many spreads is this far."
    )
    weights: tuple[tuple[float, ...], ...] = Field(description="Seven rows, one an emotion.")
    bias: Seven
    temperature: float = Field(gt=0)
    weight: float = Field(ge=0, description="Weight in the log-linear pool with the still pictures.")
    still_weight: float = Field(ge=0, description="Weight of the still pictures in that pool.")
    votes: PairVotes | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        lengths = {len(self.centre), len(self.scale), *map(len, self.weights)}
        if self.votes is not None:
            lengths.add(len(self.votes.arrays[0]))
        if len(self.weights) != len(self.bias) or len(lengths) != 1:
            message = "rows and columns of the head do not fit together"
            raise ValueError(message)
        return self


class BaselineRule(Contract):
    """How the scores of a voice lean on what is usual for it; see `fusion_service.baseline`."""

    usual: tuple[tuple[float, ...], ...] = Field(
        description="Seven rows, one an emotion: its mean evidence over many people, 14 values."
    )
    scores_weight: float = Field(gt=0, description="Weight of a reading's own log scores.")
    vector_weight: float = Field(ge=0, description="Weight of what the network read beside them.")
    scores_offset: float = Field(description="Share of a person's offset of log scores that is taken off.")
    vector_offset: float = Field(ge=0, description="The same of what the network read beside them.")
    frequent_weight: float = Field(ge=0, description="Weight of how often each emotion was read.")
    frequent_share: float = Field(ge=0, lt=1, description="How far these frequencies are trusted at most.")
    frequent_half: float = Field(gt=0, description="Readings at which half of that is reached.")
    half_readings: float = Field(gt=0, description="Readings at which half of a person's offset is believed.")
    least_readings: float = Field(ge=1, description="Fewer readings change nothing.")
    reading_seconds: float = Field(gt=0, description="Length of a whole reading.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(self.usual) != len(EMOTIONS) or {len(row) for row in self.usual} != {2 * len(EMOTIONS)}:
            message = "`usual` must hold seven rows of fourteen values"
            raise ValueError(message)
        return self


class FusionParameters(Contract):
    """Everything that fusion_service has learned for one profile."""

    strategy: Strategy = Field(description="The profile's own strategy.")
    face_quality: FaceQualityCurve
    speech_quality: SpeechQualityCurve
    linking: LinkingRules
    pool: PoolWeights
    face_share: Probability = Field(description="Share of the face in the `weighted` strategy.")
    face_sharpening: float = Field(
        gt=0, description="Power put on the mean of a person's frames, to calibrate it."
    )
    speech_sharpening: float = Field(
        gt=0, description="Power put on the mean of the segments, to calibrate it."
    )
    track: TrackHead | None = None
    voice_baseline: BaselineRule | None = None


class FusionModel(Contract):
    """The parameters of one profile with their manifest."""

    manifest: Manifest
    parameters: FusionParameters


def load_model(folder: Path) -> FusionModel:
    """Load and verify the parameters in `folder` (which holds `manifest.json` and the file that it names).

    Raises:
        ModelFileError: a file is missing, its sha256 is not the manifest's, or it does not hold parameters.
    """
    manifest = load_manifest(folder)
    try:
        parameters = FusionParameters.model_validate_json((folder / manifest.file).read_bytes())
    except ValidationError as error:
        raise ModelFileError(f"{manifest.name}: {error}") from error
    return FusionModel(manifest=manifest, parameters=parameters)
