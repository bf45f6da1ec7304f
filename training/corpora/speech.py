"""Read the packs of emotional speech: `<corpora>/speech/*.npz` and `<corpora>/extra/*.npz`."""

import argparse
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from shared.contracts.emotions import EMOTIONS, Emotion

RATE = 16_000
# Corpora with emotions, and the folder that each stands in. URDU is for testing only: nearly every speaker
# of it has one label only.
FOLDERS = {
    "ravdess": "speech",
    "nemo": "speech",
    "emodb": "speech",
    "ased": "speech",
    "tess": "speech",
    "javased": "speech",
    "cremad": "speech",
    "emovo": "speech",
    "savee": "speech",
    "urdu": "speech",
    "emospeech": "extra",
    "eyase": "extra",
    "turev": "extra",
    "korean": "extra",
    "cremad_more": "extra",
}
TEST_ONLY = ("urdu",)
# Sounds without labels of emotions, in `extra`, for telling speech from other sounds: noises of mouths, and
# speech in single words and read texts.
NONVERBAL = "nonverbal"
UNFELT_SPEECH = ("baved", "korean_valence")
# Of EmoDB's bored, disgusted and fearful clips only copies cut after two seconds could be had: a longer one
# would give the other labels away.
LONGEST_SECONDS = {"emodb": 2.0}
EMOTION_OF_LABEL = {
    "neutral": Emotion.NEUTRAL,
    "calm": Emotion.NEUTRAL,
    "happy": Emotion.HAPPINESS,
    "sad": Emotion.SADNESS,
    "angry": Emotion.ANGER,
    "fearful": Emotion.FEAR,
    "disgust": Emotion.DISGUST,
    "surprised": Emotion.SURPRISE,
}
# Actors of each of the five folds of RAVDESS, as `av/ravdess_features` has them.
RAVDESS_FOLDS = ((2, 5, 14, 15, 16), (3, 6, 7, 13, 18), (10, 11, 12, 19, 20), (8, 17), (1, 4, 9))

Sound = npt.NDArray[np.float32]
UNASKED = (0.0,) * len(EMOTIONS)


@dataclass(frozen=True)
class Clip:
    """One clip of a pack; `emotion` is an index into EMOTIONS, -1 where the label is none of the seven.

    `heard` are the shares of listeners who named each of the seven when they heard the clip, in the order of
    EMOTIONS; zeros where nobody was asked.
    """

    corpus: str
    name: str
    speaker: str
    label: str
    sex: str
    text: str
    seconds: float
    encoded: bytes
    heard: tuple[float, ...] = UNASKED

    @property
    def emotion(self) -> int:
        """Index into EMOTIONS, or -1."""
        emotion = EMOTION_OF_LABEL.get(self.label)
        return -1 if emotion is None else EMOTIONS.index(emotion)

    def sound(self) -> Sound:
        """Decode: float32 of shape [samples], 16 kHz; at most LONGEST_SECONDS of the corpus."""
        sound, rate = soundfile.read(io.BytesIO(self.encoded), dtype="float32")
        if rate != RATE:
            raise ValueError(f"{self.corpus}/{self.name} has {rate} samples a second")
        longest = LONGEST_SECONDS.get(self.corpus)
        return np.asarray(sound if longest is None else sound[: int(longest * RATE)], dtype=np.float32)


class InOrder(argparse.Action):
    """Takes names of corpora in the order of FOLDERS, each once: what steps keep is told apart by row."""

    def __call__(self, _: Any, namespace: argparse.Namespace, values: Any, __: Any = None) -> None:
        setattr(namespace, self.dest, [name for name in FOLDERS if name in values])


def add_only(parser: argparse.ArgumentParser, what: str | None = None) -> None:
    """Add the option `--only`: some of the corpora with emotions, all of them by default."""
    parser.add_argument(
        "--only", nargs="+", choices=FOLDERS, action=InOrder, default=list(FOLDERS), help=what
    )


def add_unfelt(parser: argparse.ArgumentParser, choices: Sequence[str]) -> None:
    """Add the option `--unfelt`: sounds from which "is it speech?" is learned too, all by default."""
    parser.add_argument(
        "--unfelt",
        nargs="*",
        choices=choices,
        default=list(choices),
        help='sounds without emotions to learn "is it speech?" from; none named: from made noises alone',
    )


def votes_of(pack: Mapping[str, npt.NDArray[np.generic]], clips: int) -> list[tuple[float, ...]]:
    """For each clip the shares of listeners who named each of the seven emotions."""
    if "voice_votes" not in pack:
        return [UNASKED] * clips
    votes = np.zeros((clips, len(EMOTIONS)))
    for name, given in zip(pack["vote_names"].tolist(), np.asarray(pack["voice_votes"]).T, strict=True):
        votes[:, EMOTIONS.index(EMOTION_OF_LABEL[str(name)])] += given
    shares = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    return [tuple(row) for row in shares.tolist()]


def read_pack(path: Path) -> Iterator[Clip]:
    """Give the clips of one pack, in its order. `cremad_more` counts as `cremad`: the same actors."""
    with np.load(path) as pack:
        columns = {
            key: pack[key]
            for key in ("data", "offsets", "seconds", "label", "speaker", "sex", "text", "name")
        }
        heard = votes_of(pack, len(columns["offsets"]) - 1)
    data, offsets = columns["data"], columns["offsets"]
    corpus = path.stem.removesuffix("_more")
    for i in range(len(offsets) - 1):
        yield Clip(
            corpus=corpus,
            name=str(columns["name"][i]),
            speaker=str(columns["speaker"][i]),
            label=str(columns["label"][i]),
            sex=str(columns["sex"][i]),
            text=str(columns["text"][i]),
            seconds=float(columns["seconds"][i]),
            encoded=data[offsets[i] : offsets[i + 1]].tobytes(),
            heard=heard[i],
        )


def read_emotional(corpora: Path, names: Sequence[str] = tuple(FOLDERS)) -> list[Clip]:
    """Read the clips with emotions of the named packs (all by default).

    Raises:
        KeyError: a name that is not in FOLDERS.
        FileNotFoundError: the pack is not there.
    """
    return [clip for name in names for clip in read_pack(corpora / FOLDERS[name] / f"{name}.npz")]
