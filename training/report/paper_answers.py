"""The paper's method on the films: Haar cascade, grey network, MFCCs and LSTM, plain averaging."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from face_service.classification import FaceClassifier
from face_service.haar import HaarDetector
from face_service.reading import FaceReader, cut_grey
from fusion_service.parameters import load_model
from fusion_service.verdicts import judge
from shared.contracts.emotions import EMOTIONS, Scores
from shared.contracts.fusion import FusionRequest, Strategy
from shared.contracts.media import MediaKind
from shared.contracts.speech import SpeechSegment
from shared.inference import OnnxSession, calibrated
from training.corpora.av import read_javased
from training.fusion.evaluate import voices_by_film
from training.fusion.learn import STUDIO_SNR_DB
from training.fusion.record import record
from training.report.answers import Answers
from training.speech.evaluate import out_of_fold
from training.speech.table import read_table

PAPER_FILMS = (
    "Written by `make report-full` (`python -m training.report --full`): the films were read by the paper\n"
    "profile's own detector and network at 5 frames a second and joined by fusion_service. The face network\n"
    "learned from no film; the voice is scored by fits of the paper's network that never heard the actor."
)


def paper_voices(fits: Path, temperature: float, corpora: Path) -> dict[str, NDArray[np.float64]]:
    """Scores [7] of the paper's voice by film, each actor by the fit that never heard them.

    Args:
        fits: what `training.speech.paper` left, a fit a fold.
        temperature: of the paper profile's voice network.
        corpora: folder of the corpora.
    """
    table = read_table(corpora)
    rows = table.corpus == "javased"
    scores = calibrated(out_of_fold(fits, table)[rows], temperature).astype(np.float64)
    return voices_by_film(table.name[rows], table.label[rows], scores)


def paper_film_answers(
    faces: Path, fusion: Path, voices: Mapping[str, NDArray[np.float64]], corpora: Path
) -> Iterator[Answers]:
    """Judge the Java-SED films by face, by voice and by both; a film without a face counts as wrong there.

    Args:
        faces: folder with the paper profile's `detection` and `classification`.
        fusion: folder of its parameters.
        voices: see `paper_voices`.
        corpora: folder of the corpora.
    """
    reader = FaceReader(
        detector=HaarDetector(faces / "detection"),
        cut=cut_grey,
        classifier=FaceClassifier(OnnxSession(faces / "classification", threads=1)),
    )
    model, films = load_model(fusion), read_javased(corpora)
    scores: dict[str, list[NDArray[np.float64]]] = {}
    against = []
    for film in films:
        voice = Scores.of(voices[film.name])
        segment = SpeechSegment(start=0.0, end=film.seconds, scores=voice, snr_db=STUDIO_SNR_DB)
        request = FusionRequest(
            kind=MediaKind.FILM,
            seconds=film.seconds,
            frames=record(reader, film, 0).frames,
            segments=(segment,),
        )
        for strategy in (Strategy.MEAN, Strategy.FACE, Strategy.SPEECH):
            verdict = judge(request.model_copy(update={"strategy": strategy}), model).emotion
            row = np.full(7, np.nan) if verdict is None else verdict.scores.array()
            scores.setdefault(strategy, []).append(row)
        whole = judge(request, model)
        said = {one.label for one in (whole.face, whole.speech) if one is not None}
        against.append(len(said) > 1)
    actor = np.asarray([film.actor for film in films])
    for way, rows in scores.items():
        yield Answers(
            f"Java-SED films, strategy {way}",
            np.stack(rows),
            np.asarray([EMOTIONS.index(film.emotion) for film in films]),
            actor,
            np.asarray([film.sex for film in films]),
            np.char.add("without ", actor),
            contradicted=np.asarray(against) if way == Strategy.MEAN else None,
        )
