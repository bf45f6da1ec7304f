"""Is it speech? A linear layer on the directions, learned from speech against noises without words.

Coughs, laughter and crying pass for speech with a voice activity network; the encoder tells them apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.corpora.speech import FOLDERS, NONVERBAL, TEST_ONLY, UNFELT_SPEECH, read_pack
from training.speech.head import LinearHead, solve
from training.speech.reduction import Reduction
from training.speech.table import FOLDS, Table, assign_folds, plain_speaker, read_features

Floats = npt.NDArray[np.float32]
STATISTICS_USED = ("mean", "spread", "max", "min")
# Probability from which a segment counts as speech: chosen so that it refuses 95 % of the noises of speakers
# that it never heard.
SPEECH_FROM = 0.7
UNFELT = (NONVERBAL, *UNFELT_SPEECH)


@dataclass(frozen=True)
class Sounds:
    """Directions of sounds, whether each is speech, and the fold of its speaker."""

    x: Floats
    speech: npt.NDArray[np.int64]
    fold: npt.NDArray[np.int64]
    kind: npt.NDArray[np.str_]


def read_sounds(
    corpora: Path,
    features: Path,
    table: Table,
    reduction: Reduction,
    names: Sequence[str] = tuple(FOLDERS),
    *,
    unfelt: Sequence[str] = UNFELT,
) -> Sounds:
    """Gather every third clip of speech, plain and altered, and all noises; speakers keep their folds.

    `features` is the folder of the encoder that the gate hears through, `unfelt` names some of UNFELT; made
    noises are always there.

    Neither speakers who calibrate nor test corpora are among them.
    """
    x, speech, fold, kind = [], [], [], []
    for copy in ("plain", "altered"):
        rows = ~table.calibration & ~np.isin(table.corpus, TEST_ONLY) & (np.arange(len(table)) % 3 == 0)
        x.append(
            reduction.apply(read_features(features, copy=copy, names=names, wanted=STATISTICS_USED)[rows])
        )
        speech.append(np.ones(int(rows.sum()), dtype=np.int64))
        fold.append(table.fold[rows])
        kind.append(table.corpus[rows])
        if NONVERBAL not in unfelt:
            continue
        clips = list(read_pack(corpora / "extra" / f"{NONVERBAL}.npz"))
        speakers = np.array([plain_speaker(clip.speaker) for clip in clips])
        folds = assign_folds(NONVERBAL, speakers)
        x.append(
            reduction.apply(read_features(features, copy=copy, names=[NONVERBAL], wanted=STATISTICS_USED))
        )
        speech.append(np.zeros(len(clips), dtype=np.int64))
        fold.append(np.array([folds[name] for name in speakers]))
        kind.append(np.array([clip.label for clip in clips]))
    for name in [name for name in UNFELT_SPEECH if name in unfelt]:
        clips = list(read_pack(corpora / "extra" / f"{name}.npz"))
        folds = assign_folds(name, np.array([plain_speaker(clip.speaker) for clip in clips]))
        x.append(reduction.apply(read_features(features, copy="plain", names=[name], wanted=STATISTICS_USED)))
        speech.append(np.ones(len(clips), dtype=np.int64))
        fold.append(np.array([folds[plain_speaker(clip.speaker)] for clip in clips]))
        kind.append(np.full(len(clips), name))
    noises = reduction.apply(read_features(features, copy="plain", names=["noises"], wanted=STATISTICS_USED))
    x.append(noises)
    speech.append(np.zeros(len(noises), dtype=np.int64))
    fold.append(np.arange(len(noises)) // 6 % FOLDS)
    kind.append(np.full(len(noises), "noises"))
    return Sounds(np.concatenate(x), np.concatenate(speech), np.concatenate(fold), np.concatenate(kind))


def fit_gate(sounds: Sounds, rows: npt.NDArray[np.bool_]) -> LinearHead:
    """Solve the layer; speech and other sounds weigh the same. One output: the logit of speech."""
    speech = sounds.speech[rows]
    weights = np.where(speech == 1, 0.5 / speech.mean(), 0.5 / (1 - speech.mean())).astype(np.float32)
    weight, bias = solve(
        sounds.x[rows],
        speech,
        allowed=np.ones((len(speech), 2), dtype=np.bool_),
        weights=weights,
        strength=30.0,
        iterations=60,
    )
    return LinearHead(weight[:, 1:] - weight[:, :1], bias[1:] - bias[:1])
