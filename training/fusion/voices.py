"""Voices of many people, each scored by a network that never heard them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusion_service.calibration import softmax
from shared.contracts.emotions import Scores
from training.corpora.speech import TEST_ONLY

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# A person is of use with so many clips of so many emotions.
LEAST_CLIPS = 20
LEAST_EMOTIONS = 4


@dataclass(frozen=True, slots=True)
class Voices:
    """Clips, n of them.

    Attributes:
        scores: [n, 7] as the service gives them.
        vectors: [n, k] what the network read beside them.
        emotion: [n] 0..6.
        corpus: [n] names.
        person: [n] names, with the corpus in them.
        name: [n] names of the clips.
    """

    scores: FloatArray
    vectors: FloatArray
    emotion: IntArray
    corpus: NDArray[np.str_]
    person: NDArray[np.str_]
    name: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.emotion)

    def of(self, rows: NDArray[np.bool_] | IntArray) -> "Voices":
        """Keep some clips."""
        return Voices(
            self.scores[rows],
            self.vectors[rows],
            self.emotion[rows],
            self.corpus[rows],
            self.person[rows],
            self.name[rows],
        )

    def people(self) -> Iterator[IntArray]:
        """Give the rows of each person."""
        for person in np.unique(self.person):
            yield np.flatnonzero(self.person == person)

    def people_evenly(self, each: int) -> Iterator[IntArray]:
        """Give the rows of people again and again, until every corpus had about `each` turns."""
        people = list(self.people())
        corpora = np.asarray([self.corpus[rows[0]] for rows in people])
        for rows, corpus in zip(people, corpora, strict=True):
            yield from [rows] * -(-each // int((corpora == corpus).sum()))


def read_voices(path: Path, temperature: float) -> Voices:
    """Read what `training.speech.evaluate` wrote of all corpora, as far as it tells anything of people.

    Args:
        path: npz with `corpus`, `speaker`, `name`, `label` (0..6, -1 for another), `logits` and `voice`.
        temperature: of the network.
    """
    with np.load(path) as pack:
        person = np.char.add(np.char.add(pack["corpus"], "/"), pack["speaker"])
        scores = softmax(pack["logits"].astype(np.float64) / temperature)
        voices = Voices(
            np.stack([Scores.of(row).array() for row in scores]),
            pack["voice"].astype(np.float64),
            pack["label"].astype(np.int64),
            pack["corpus"],
            person,
            pack["name"],
        )
    voices = voices.of((voices.emotion >= 0) & ~np.isin(voices.corpus, TEST_ONLY))
    kept = np.zeros(len(voices), dtype=np.bool_)
    for rows in voices.people():
        kept[rows] = len(rows) >= LEAST_CLIPS and len(np.unique(voices.emotion[rows])) >= LEAST_EMOTIONS
    return voices.of(kept)
