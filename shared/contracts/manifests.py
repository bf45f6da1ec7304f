"""What the code must know of a network file."""

from typing import Any, Literal

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.emotions import Emotion, Probability


class Tensor(Contract):
    """An input or output of the graph."""

    name: str
    dtype: Literal["float32", "float16", "uint8", "int64", "int32", "bool"]
    shape: tuple[int | str, ...] = Field(description="A name stands for a dynamic axis.")
    meaning: str = Field(description="Units, value range, order of the last axis.")


class Figure(Contract):
    """One measured figure, as the card states it."""

    what: str = Field(examples=["FER2013 PrivateTest, accuracy, 7 classes"])
    value: float
    n: int = Field(ge=1)
    low: float | None = Field(default=None, description="Lower end of the 95 % interval.")
    high: float | None = Field(default=None, description="Upper end of the 95 % interval.")


class Manifest(Contract):
    """`manifest.json`, beside the network that it describes."""

    name: str = Field(pattern=r"^[a-z0-9-]+$", examples=["face-default-1"])
    role: Literal["detection", "classification", "appearance", "expression", "activity", "fusion"]
    profile: Literal["default", "paper"]
    file: str = Field(pattern=r"^[A-Za-z0-9._-]+$", description="File name in the same folder.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=1)
    licence: str
    source: str = Field(description="Where it comes from: our training, or package, version and file.")
    summary: str = Field(description="One sentence for people.")
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    labels: tuple[Emotion, ...] = Field(
        default=(), description="Order of the logits; empty where there are none."
    )
    temperature: float = Field(default=1.0, gt=0)
    uncertain_below: Probability = 0.5
    preprocessing: dict[str, Any] = Field(
        default_factory=dict, description="Parameters of what is done outside the graph."
    )
    figures: tuple[Figure, ...] = ()


class ModelSummary(Contract):
    """A network in short, as `GET /v1/models` shows it."""

    name: str
    service: str
    role: str
    profile: str
    summary: str
    licence: str
    bytes: int
    sha256: str
    uncertain_below: Probability
    figures: tuple[Figure, ...]


class ModelList(Contract):
    """The networks that are loaded."""

    models: tuple[ModelSummary, ...]
