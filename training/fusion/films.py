"""The Java-SED films as the fusion sees them: faces as face_service gave them, the voice out of its folds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusion_service.columns import FaceColumns, IntArray, face_columns
from fusion_service.parameters import FusionParameters
from fusion_service.people import link_people
from fusion_service.tracks import every
from shared.contracts.emotions import EMOTIONS
from training.corpora.av import Film, read_javased
from training.fusion.movement import IBUG_IN_MESH
from training.fusion.record import EXPRESSION_FPS, FPS, PHASES, Recording, read_recordings
from training.fusion.track_head import Examples, describe, joined

FloatArray = NDArray[np.float64]

_PART_SECONDS = (1.2, 2.0)
_PART_PLACES = (0.0, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class SeenFilm:
    """One film, sampled from one phase on."""

    film: Film
    phase: int
    faces: FaceColumns
    people: IntArray
    coverage: float

    @property
    def emotion(self) -> int:
        """What the actor was asked to play, 0..6."""
        return EMOTIONS.index(self.film.emotion)

    @property
    def main_rows(self) -> IntArray:
        """Faces of the person seen most, at the pace at which films are sampled."""
        main = np.bincount(self.people[self.people > 0]).argmax()
        known = np.isfinite(self.faces.expression[:, 0]) & (self.people == main)
        rows = np.flatnonzero(known)
        return rows[every(self.faces.t[rows], 0.9 / FPS)]

    def read_rows(self, begin: int = 0) -> IntArray:
        """Those of them whose blendshapes are read when reading begins at the frame with this number."""
        return self.main_rows[begin :: round(FPS / EXPRESSION_FPS)]


def read_films(corpora: Path, recordings: Path, parameters: FusionParameters) -> list[SeenFilm]:
    """Read the films that were recorded, in the order of the corpus, all phases of a film together."""
    films = {film.name: film for film in read_javased(corpora)}
    return [_seen(films[recording.film], recording, parameters) for recording in read_recordings(recordings)]


def _seen(film: Film, recording: Recording, parameters: FusionParameters) -> SeenFilm:
    faces = face_columns(recording.frames)
    people = link_people(faces, parameters.linking)
    coverage = len(np.unique(faces.frame[people > 0])) / max(1, len(recording.frames))
    return SeenFilm(film, recording.phase, faces, people, coverage)


def film_examples(films: Sequence[SeenFilm], begin: int = 0) -> Examples:
    """Describe the main face of every film over its whole length; its phases together weigh as one."""
    return _examples(films, [film.read_rows(begin) for film in films], weight=1.0 / PHASES)


def part_examples(films: Sequence[SeenFilm], begin: int = 0) -> Examples:
    """Describe the main face in short parts of every film; parts of one length together weigh half a film.

    With them the layer is a little surer of what it knows (log loss 0.86 against 0.88 with the voice, every
    actor held out).
    """
    whole = [film for film in films if film.phase == 0]
    parts = [
        _examples(
            whole,
            [_part(film, film.read_rows(begin), seconds, place) for film in whole],
            weight=0.5 / len(_PART_PLACES),
        )
        for seconds in _PART_SECONDS
        for place in _PART_PLACES
    ]
    return joined(*parts)


def all_examples(films: Sequence[SeenFilm]) -> Examples:
    """Give whole films and parts of them; the gateway asks for the blendshapes of every second frame, so both
    halves of the frames are examples.
    """
    return joined(
        *(examples(films, begin) for begin in (0, 1) for examples in (film_examples, part_examples))
    )


def _part(film: SeenFilm, rows: IntArray, seconds: float, place: float) -> IntArray:
    """Cut a part out of a film's rows: `place` 0 = at its start, 1 = at its end."""
    t = film.faces.t[rows]
    start = t[0] + place * max(0.0, t[-1] - t[0] - seconds)
    part: IntArray = rows[(t >= start - 1e-6) & (t <= start + seconds + 1e-6)]
    return part


def _examples(films: Sequence[SeenFilm], rows: Sequence[IntArray], *, weight: float) -> Examples:
    described = [
        describe(film.faces.expression[chosen], film.faces.t[chosen])
        for film, chosen in zip(films, rows, strict=True)
    ]
    return Examples(
        held=np.stack([held for held, _ in described]),
        moved=np.stack([moved for _, moved in described]),
        emotion=np.asarray([film.emotion for film in films]),
        person=np.asarray([film.film.actor for film in films]),
        weight=np.full(len(films), weight),
    )


def mesh_points(films: Sequence[SeenFilm], points: NDArray[np.float32]) -> list[FloatArray]:
    """Give the 68 points [f, 68, 2] of the faces with blendshapes, film by film.

    Args:
        films: in the order in which they were recorded.
        points: [n, 478, 2] of all faces with blendshapes, in that order.
    """
    found, begin = [], 0
    for film in films:
        count = int(np.isfinite(film.faces.expression[:, 0]).sum())
        found.append(points[begin : begin + count, IBUG_IN_MESH].astype(np.float64))
        begin += count
    if begin != len(points):
        raise ValueError(f"{len(points)} faces with points were recorded, {begin} with blendshapes")
    return found
