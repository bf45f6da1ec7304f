"""The test parts as crops, as each profile's serving would cut them, with labels and people."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from training.corpora.faces import Picture
from training.face.crops import Placement, cut, mean_placement, window_placement
from training.face.network import SIDE
from training.face.paper_network import SIDE as PAPER_SIDE
from training.face.samples import Corpus, load_corpus, serving_placement

ANGLES = {"front": ("S",), "half profile": ("HL", "HR"), "full profile": ("FL", "FR")}
Crops = npt.NDArray[np.uint8]
Change = Callable[[Picture], Picture]


@dataclass(frozen=True)
class TestSet:
    """Crops (uint8, as the profile's graph takes them), labels 0..6, and people ("" where not known)."""

    name: str
    crops: Crops
    label: npt.NDArray[np.int64]
    person: npt.NDArray[np.str_]

    def only(
        self, name: str, kept: npt.NDArray[np.bool_], label: npt.NDArray[np.int64] | None = None
    ) -> "TestSet":
        """The pictures that are kept, under another name and perhaps with other labels."""
        answers = self.label if label is None else label
        return TestSet(name, self.crops[kept], answers[kept], self.person[kept])


class Cropper:
    """Cuts crops for one profile.

    default: aligned, 112 x 112 RGB. paper: 48 x 48 grey with the frame that FER2013's pictures have on
    average (the pictures of FER2013 itself as they are); in serving that frame comes from the Haar cascade.
    """

    def __init__(self, profile: str, cache: Path) -> None:
        self.profile = profile
        typical = mean_placement(np.load(cache / "fer2013.points.npy"))
        whole = window_placement(48, 0, 1)
        square = [np.vstack([placement, [0, 0, 1]]) for placement in (typical, whole)]
        self.to_frame = square[1] @ np.linalg.inv(square[0])

    def frame(self, corpus: Corpus, index: int) -> Placement:
        """The placement of the paper's crop."""
        if corpus.pack.name in {"fer2013", "ckplus48"}:
            return window_placement(48, 0, 1)
        return np.asarray(
            (self.to_frame @ np.vstack([serving_placement(corpus, index), [0, 0, 1]]))[:2], np.float64
        )

    def crops(self, corpus: Corpus, indices: npt.NDArray[np.int64], change: Change | None = None) -> Crops:
        """Crops of pictures; `change` spoils the 112 (or 48) pixel crop for robustness figures."""
        side = SIDE if self.profile == "default" else PAPER_SIDE
        found = []
        for index in indices:
            placement = (
                serving_placement(corpus, index) if self.profile == "default" else self.frame(corpus, index)
            )
            crop = cut(corpus.pictures[index], placement, side)
            crop = crop if change is None else change(crop)
            found.append(
                crop if self.profile == "default" else np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY))
            )
        return np.asarray(np.stack(found), np.uint8)


def part_of(cropper: Cropper, corpus: Corpus, part: str, name: str, change: Change | None = None) -> TestSet:
    """One part of a corpus by its own labels; pictures without one of the seven emotions are left out."""
    indices = corpus.indices(part)
    indices = indices[corpus.pack.label[indices] >= 0]
    crops = cropper.crops(corpus, indices, change)
    return TestSet(name, crops, corpus.pack.label[indices], corpus.pack.text("subject")[indices])


def fer2013_sets(cropper: Cropper, corpus: Corpus, part: str) -> Iterator[TestSet]:
    """FER2013 by its own labels and by the FER+ majority (contempt left out)."""
    plain = part_of(cropper, corpus, part, "FER2013")
    majority = corpus.pack.vote_majority()[corpus.indices(part)]
    yield plain
    yield plain.only("FER+", majority >= 0, majority)


def kdef_sets(cropper: Cropper, corpus: Corpus, part: str) -> Iterator[TestSet]:
    """KDEF by the angle of the head."""
    every = part_of(cropper, corpus, part, "KDEF")
    angle = corpus.pack.text("angle")[corpus.indices(part)]
    for name, angles in ANGLES.items():
        yield every.only(f"KDEF {name}", np.isin(angle, angles))


def sets_of(cropper: Cropper, name: str, part: str, cache: Path) -> Iterator[TestSet]:
    """The test sets that one corpus gives."""
    corpus = load_corpus(name, cache)
    if name == "fer2013":
        yield from fer2013_sets(cropper, corpus, part)
    elif name == "kdef":
        yield from kdef_sets(cropper, corpus, part)
    else:
        titles = {"rafdb_train": "RAF-DB", "jaffe": "JAFFE", "ckplus48": "CK+", "webfaces_expr": "web faces"}
        yield part_of(cropper, corpus, part, titles[name])
