"""Face and voice on the RAVDESS films, eight classes: each actor by layers that never saw them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from training.corpora.av import RAVDESS_EMOTIONS, RAVDESS_TO_SEVEN
from training.corpora.speech import read_pack
from training.fusion.ravdess_films import PARTS, MeasuredFaces, held_out_faces, joined, read_measured_faces
from training.report.answers import Answers
from training.speech.evaluate import out_of_fold
from training.speech.table import read_table

FILMED = (
    "Written by `make report-full` (`python -m training.report --full`): RAVDESS, actors 01 to 20, five\n"
    "folds by actor, eight classes. There are no pictures: the face is what others measured in them (68\n"
    "points a frame, action units, the scores of a general network for still pictures; none learned from\n"
    "RAVDESS), read by a linear layer of ours. The voice is ours: an ensemble on RAVDESS alone, and the\n"
    "fits on all corpora. Each fold's layers never saw its actors; the weights by which log scores are\n"
    "added were fitted on the held-out films of the other folds. Nothing of this ships."
)
# How the sounds name their emotions.
SPOKEN = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")

FloatArray = NDArray[np.float64]


def read_alone(path: Path, faces: MeasuredFaces) -> FloatArray:
    """Log scores [n, 8] of the voice learned on RAVDESS alone, in the order of the films.

    Args:
        path: npz of `training.speech.evaluate_research ravdess --logits`.
        faces: whose films.
    """
    with np.load(path) as pack:
        heard = {_take(str(name)): index for index, name in enumerate(pack["name"])}
        columns = [pack["label"].tolist().index(name) for name in SPOKEN]
        logits = pack["logits"].astype(np.float64)[:, columns]
    scores: FloatArray = log_softmax(logits[[heard[_take(clip)] for clip in faces.clip]], axis=1)
    return scores


def read_together(fits: Path, corpora: Path, faces: MeasuredFaces) -> FloatArray:
    """Log scores [n, 8] of the voice learned on all corpora; calm has those of neutral.

    Args:
        fits: what `training.speech.train` left.
        corpora: folder of the corpora.
        faces: whose films.
    """
    table = read_table(corpora)
    logits = out_of_fold(fits, table)
    rows = np.flatnonzero(table.corpus == "ravdess")
    heard = {_take(str(table.name[row])): row for row in rows}
    seven = log_softmax(logits[[heard[_take(clip)] for clip in faces.clip]].astype(np.float64), axis=1)
    eight: FloatArray = seven[:, list(RAVDESS_TO_SEVEN)]
    return eight


def ravdess_answers(alone: Path, fits: Path, corpora: Path) -> Iterator[Answers]:
    """Judge the films by voice, by each measurement of the face, and by all together."""
    faces = read_measured_faces(corpora)
    sexes = {_take(clip.name): clip.sex for clip in read_pack(corpora / "speech" / "ravdess.npz")}
    sex = np.asarray([sexes[_take(clip)] for clip in faces.clip])
    fold = faces.fold.astype(str)
    alone_scores = read_alone(alone, faces)
    voices = [alone_scores, read_together(fits, corpora, faces)]
    face = held_out_faces(faces)
    ways = {
        "face and voice": joined([face, *voices], faces.emotion, faces.fold),
        "voice": joined(voices, faces.emotion, faces.fold),
        "voice, RAVDESS alone": alone_scores,
        "face": face,
        **{f"face, {part} only": held_out_faces(faces, [part]) for part in PARTS},
    }
    for way, scores in ways.items():
        yield Answers(
            f"RAVDESS films, {way}",
            np.exp(scores),
            faces.emotion,
            faces.actor.astype(str),
            sex,
            fold,
            names=RAVDESS_EMOTIONS,
        )


def _take(name: str) -> str:
    """The part of a name that film and sound share."""
    return Path(name).stem[3:]
