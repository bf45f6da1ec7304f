"""The test parts as crops, as each profile's serving would cut them, with labels and people."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from training.corpora.faces import Picture
from training.face.crops import DEFAULT_SIDE, PAPER_SIDE, Placement, cut, typical_placement, window_placement
from training.face.samples import Corpus, serving_placement

ANGLES = {"front": ("S",), "half profile": ("HL", "HR"), "full profile": ("FL", "FR")}
TITLES = {"rafdb_train": "RAF-DB", "jaffe": "JAFFE", "ckplus48": "CK+", "webfaces_expr": "web faces"}
Crops = npt.NDArray[np.uint8]
Change = Callable[[Picture], Picture]


@dataclass(frozen=True)
class TestSet:
    """Crops of one corpus (uint8 [n, ...], as the profile's graph takes them) and what is asked about them.

    `questions` maps a title to labels 0..6 [n]; -1 leaves a picture out. `person` is "" where not known.
    """

    crops: Crops
    person: npt.NDArray[np.str_]
    questions: dict[str, npt.NDArray[np.int64]]


class Cropper:
    """Cuts crops for one profile.

    default: aligned, 112 x 112 RGB. paper: 48 x 48 grey with the frame that FER2013's pictures have on
    average (the pictures of FER2013 itself as they are); in serving that frame comes from the Haar cascade.
    """

    def __init__(self, profile: str) -> None:
        self.profile = profile
        typical, whole = typical_placement(), window_placement(48, 0, 1)
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
        side = DEFAULT_SIDE if self.profile == "default" else PAPER_SIDE
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


def questions_of(corpus: Corpus, indices: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.int64]]:
    """What is asked about a corpus: FER2013 by two sets of labels, KDEF by angle, others by their labels."""
    label = corpus.pack.label[indices]
    if corpus.pack.name == "fer2013":
        return {"FER2013": label, "FER+": corpus.pack.vote_majority()[indices]}
    if corpus.pack.name == "kdef":
        angle = corpus.pack.text("angle")[indices]
        return {f"KDEF {name}": np.where(np.isin(angle, some), label, -1) for name, some in ANGLES.items()}
    return {TITLES[corpus.pack.name]: label}


def set_of(cropper: Cropper, corpus: Corpus, part: str, change: Change | None = None) -> TestSet:
    """One part of a corpus."""
    indices = corpus.indices(part)
    person = corpus.pack.text("subject")[indices]
    return TestSet(cropper.crops(corpus, indices, change), person, questions_of(corpus, indices))
