"""The clips of all corpora with their features: who speaks, which emotion, which fold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared.contracts.emotions import EMOTIONS
from training.corpora.speech import FOLDERS, RAVDESS_FOLDS, Clip, read_pack
from training.speech.network import MAPS, STATISTICS

FOLDS = 6
# Never trained on by the network that ships, nor reported on with it: they set its temperature and threshold.
CALIBRATION = {
    "ravdess": ("9", "16"),
    "nemo": 1,
    "emodb": 1,
    "ased": 6,
    "cremad": 6,
    "emospeech": 8,
    "korean": 2,
}

Strings = npt.NDArray[np.str_]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """One row a clip; `emotion` is an index into EMOTIONS, -1 where the label is none of them.

    `heard` [clips, 7] are the shares of listeners who named each emotion, zeros where nobody was asked;
    `text` says which words are spoken, as the corpus names them.
    """

    corpus: Strings
    name: Strings
    speaker: Strings
    label: Strings
    sex: Strings
    text: Strings
    seconds: npt.NDArray[np.float32]
    emotion: Numbers
    heard: npt.NDArray[np.float32]
    fold: Numbers
    calibration: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.corpus)


def read_table(corpora: Path, names: Sequence[str] = tuple(FOLDERS)) -> Table:
    """Read names and labels of the packs, in the order of `names`."""
    return table_of([clip for name in names for clip in read_pack(corpora / FOLDERS[name] / f"{name}.npz")])


def table_of(clips: Sequence[Clip]) -> Table:
    """Make the table of these clips."""
    corpus = np.array([clip.corpus for clip in clips])
    speaker = np.array([plain_speaker(clip.speaker) for clip in clips])
    fold = np.zeros(len(clips), dtype=np.int64)
    calibration = np.zeros(len(clips), dtype=np.bool_)
    for name in dict.fromkeys(corpus.tolist()):
        rows = corpus == name
        assigned = assign_folds(name, speaker[rows])
        fold[rows] = [assigned[s] for s in speaker[rows]]
        calibration[rows] = np.isin(speaker[rows], calibration_speakers(name, speaker[rows]))
    return Table(
        corpus=corpus,
        name=np.array([clip.name for clip in clips]),
        speaker=speaker,
        label=np.array([clip.label for clip in clips]),
        sex=np.array([clip.sex for clip in clips]),
        text=np.array([clip.text for clip in clips]),
        seconds=np.array([clip.seconds for clip in clips], dtype=np.float32),
        emotion=np.array([clip.emotion for clip in clips], dtype=np.int64),
        heard=np.array([clip.heard for clip in clips], dtype=np.float32).reshape(-1, len(EMOTIONS)),
        fold=fold,
        calibration=calibration,
    )


def plain_speaker(speaker: str) -> str:
    """Give a speaker's name without leading zeros."""
    return speaker.lstrip("0") or "0"


def assign_folds(corpus: str, speakers: Strings) -> dict[str, int]:
    """Give each speaker a fold of 0..5: RAVDESS' published five, else in turn by number of clips.

    Six folds: Java-SED has six actors, so that its folds are "leave one actor out".
    """
    if corpus == "ravdess":
        return {str(actor): k for k, actors in enumerate(RAVDESS_FOLDS) for actor in actors}
    names, counts = np.unique(speakers, return_counts=True)
    order = sorted(zip(-counts, names.tolist(), strict=True))
    return {name: i % FOLDS for i, (_, name) in enumerate(order)}


def calibration_speakers(corpus: str, speakers: Strings) -> list[str]:
    """Name the speakers that the shipped network is calibrated on."""
    wanted = CALIBRATION.get(corpus, ())
    if isinstance(wanted, tuple):
        return list(wanted)
    names = np.unique(speakers)
    return [str(name) for name in np.random.default_rng(7).permutation(names)[:wanted]]


def read_features(
    folder: Path, *, copy: str, names: Sequence[str] = tuple(FOLDERS), wanted: Sequence[str] = STATISTICS
) -> npt.NDArray[np.float16]:
    """Read what `training.speech.features` wrote: float16 of shape [clips, maps * statistics * width]."""
    chosen = [STATISTICS.index(name) for name in wanted]
    parts = []
    for name in names:
        stored = np.load(folder / f"{name}_{copy}.npy", mmap_mode="r")
        split = stored.reshape(len(stored), MAPS, len(STATISTICS), -1)
        parts.append(split[:, :, chosen].reshape(len(stored), -1))
    return np.concatenate(parts)
