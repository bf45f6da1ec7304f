"""What a stretch of speech expresses: the networks of both profiles behind one interface."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.contracts.manifests import Manifest
from shared.inference import InferenceSession
from speech_service.features import RATE, mfcc


@dataclass(frozen=True, slots=True)
class Reading:
    """What a network gives for one segment.

    Args:
        logits: float32 of shape [7], in the order of the manifest's labels.
        speech: probability that the segment is speech and not another sound of a mouth or a thing, 0..1.
        voice: float32 of shape [k], for leaning on a speaker's baseline; None where the network gives none.
    """

    logits: NDArray[np.float32]
    speech: float
    voice: NDArray[np.float32] | None


class Classifier(Protocol):
    """Reads a segment of speech."""

    @property
    def manifest(self) -> Manifest:
        """The network's manifest."""

    @property
    def speech_from(self) -> float:
        """Least probability of speech of a segment that counts, 0..1."""

    def read(self, sound: NDArray[np.float32]) -> Reading:
        """Read one segment: float32 of shape [samples], 16 kHz, at most 10 s."""


class SoundClassifier:
    """The `default` profile: the network takes the sound as it is."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        preprocessing = session.manifest.preprocessing
        self._shortest = int(float(preprocessing["shortest_seconds"]) * RATE)
        self.speech_from = float(preprocessing["speech_from"])

    @property
    def manifest(self) -> Manifest:
        """The network's manifest."""
        return self._session.manifest

    def read(self, sound: NDArray[np.float32]) -> Reading:
        """Read one segment; what is too short for the network is repeated."""
        found = self._session.run({"sound": lengthen(sound, self._shortest)[None]})
        return _reading(found)


class MfccClassifier:
    """The `paper` profile: MFCCs into an LSTM."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        preprocessing = session.manifest.preprocessing
        self._shortest = int(float(preprocessing["shortest_seconds"]) * RATE)
        self.speech_from = float(preprocessing["speech_from"])
        self._mfcc = {key: int(preprocessing[key]) for key in ("coefficients", "bands", "window", "hop")}

    @property
    def manifest(self) -> Manifest:
        """The network's manifest."""
        return self._session.manifest

    def read(self, sound: NDArray[np.float32]) -> Reading:
        """Read one segment; what is too short for the network is repeated."""
        found = self._session.run({"mfcc": mfcc(lengthen(sound, self._shortest), **self._mfcc)[None]})
        return _reading(found)


def _reading(found: dict[str, NDArray[np.float32]]) -> Reading:
    voice = found.get("voice")
    return Reading(
        logits=found["logits"][0],
        speech=float(found["speech"][0, 0]),
        voice=None if voice is None else voice[0],
    )


def lengthen(sound: NDArray[np.float32], shortest: int) -> NDArray[np.float32]:
    """Repeat a sound from its beginning until it has `shortest` samples; longer ones stay as they are."""
    return np.resize(sound, shortest) if len(sound) < shortest else sound
