"""The paper's method on the films: Haar cascade, grey network, plain averaging; it never saw them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from face_service.classification import FaceClassifier
from face_service.haar import HaarDetector
from face_service.reading import FaceReader, cut_grey
from fusion_service.parameters import load_model
from fusion_service.verdicts import judge
from shared.contracts.emotions import EMOTIONS
from shared.contracts.fusion import FusionRequest
from shared.contracts.media import MediaKind, Modality
from shared.inference import OnnxSession
from training.corpora.av import read_javased
from training.fusion.record import record
from training.report.answers import Answers

PAPER_FILMS = (
    "Written by `make report-full` (`python -m training.report --full`): the films were read by the paper\n"
    "profile's own detector and network at 5 frames a second and joined by fusion_service. The face only:\n"
    "the paper profile's voice network learned from these actors' voices. No film was learned from."
)


def paper_film_answers(faces: Path, fusion: Path, corpora: Path) -> Iterator[Answers]:
    """Judge the faces of the Java-SED films; a film without a face counts as wrong.

    Args:
        faces: folder with the paper profile's `detection` and `classification`.
        fusion: folder of its parameters.
        corpora: folder of the corpora.
    """
    reader = FaceReader(
        detector=HaarDetector(faces / "detection"),
        cut=cut_grey,
        classifier=FaceClassifier(OnnxSession(faces / "classification", threads=1)),
    )
    model, films, scores = load_model(fusion), read_javased(corpora), []
    for film in films:
        request = FusionRequest(
            kind=MediaKind.FILM,
            seconds=film.seconds,
            frames=record(reader, film, 0).frames,
            modalities=(Modality.FACE,),
        )
        verdict = judge(request, model).emotion
        scores.append(np.full(7, np.nan) if verdict is None else verdict.scores.array())
    yield Answers(
        "Java-SED films, the face alone",
        np.stack(scores),
        np.asarray([EMOTIONS.index(film.emotion) for film in films]),
        np.asarray([film.actor for film in films]),
        np.asarray([film.sex for film in films]),
        np.asarray([film.actor for film in films]),
    )
