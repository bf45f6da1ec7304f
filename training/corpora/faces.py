"""Readers of the face packs: one .npz file a corpus with encoded pictures and their labels.

The packs lie in `faces/` of the folder that the setting EMOTION_CORPORA names. Their README says what is in
each.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from shared.contracts.emotions import EMOTIONS

# The packs' words, in the order of EMOTIONS; contempt has no place among the seven.
PACK_WORDS = ("neutral", "happy", "sad", "angry", "fearful", "disgust", "surprised")
PACKS = ("fer2013", "rafdb_train", "kdef", "jaffe", "ckplus48", "webfaces_expr")

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class FacePack:
    """One corpus, read whole: encoded pictures and a column an attribute, all of length n.

    `label` is an index into EMOTIONS, -1 where the label is none of the seven. `votes` (FER+ only) is
    int [n, 10] in the order of `vote_names`.
    """

    name: str
    columns: dict[str, npt.NDArray[np.generic]]
    label: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.label)

    def text(self, column: str) -> npt.NDArray[np.str_]:
        """A column of words (`split`, `subject`, `angle`, ...)."""
        return self.columns[column].astype(np.str_)

    def picture(self, index: int) -> Picture:
        """Decode one picture: uint8 [height, width, 3], RGB (grey packs have three equal channels)."""
        start, end = self.columns["offsets"][index : index + 2]
        coded = self.columns["data"][int(start) : int(end)].astype(np.uint8, copy=False)
        decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        if decoded is None:
            raise ValueError(f"picture {index} of {self.name} cannot be decoded")
        return np.asarray(decoded[:, :, ::-1], np.uint8)

    def pictures(self) -> Iterator[Picture]:
        """All pictures in order."""
        return (self.picture(index) for index in range(len(self)))

    def vote_shares(self) -> npt.NDArray[np.float64]:
        """FER+ votes as shares over EMOTIONS, [n, 7]; contempt, unknown and "not a face" are left out.

        Rows without a vote for any of the seven are zero.
        """
        names = [str(name) for name in self.columns["vote_names"]]
        votes = self.columns["votes"].astype(np.float64)[:, [names.index(emotion) for emotion in EMOTIONS]]
        return np.asarray(votes / np.maximum(votes.sum(1, keepdims=True), 1), np.float64)

    def vote_majority(self) -> npt.NDArray[np.int64]:
        """FER+ majority as an index into EMOTIONS, -1 for contempt (ties: FER+ column order)."""
        names = [str(name) for name in self.columns["vote_names"]]
        emotion_columns = [name for name in names if name not in {"unknown", "NF"}]
        votes = self.columns["votes"].astype(np.int64)[:, [names.index(name) for name in emotion_columns]]
        words = [emotion.value for emotion in EMOTIONS]
        places = np.array([words.index(name) if name in words else -1 for name in emotion_columns], np.int64)
        return np.asarray(places[votes.argmax(1)], np.int64)


def corpora_folder() -> Path:
    """The folder that EMOTION_CORPORA names.

    Raises:
        FileNotFoundError: the setting is missing or names no folder.
    """
    folder = Path(os.environ.get("EMOTION_CORPORA", ""))
    if not os.environ.get("EMOTION_CORPORA") or not (folder / "faces").is_dir():
        raise FileNotFoundError(
            "set EMOTION_CORPORA to the folder that holds the corpora (with faces/ in it)"
        )
    return folder


def read_pack(name: str, folder: Path | None = None) -> FacePack:
    """Read a pack by name (one of PACKS) from `faces/` of the corpora folder."""
    path = (folder or corpora_folder()) / "faces" / f"{name}.npz"
    with np.load(path) as archive:
        columns = dict(archive)
    words = [str(word) for word in columns["names"]]
    places = np.array([PACK_WORDS.index(word) if word in PACK_WORDS else -1 for word in words], np.int64)
    return FacePack(name, columns, places[columns["label"].astype(np.int64)])
