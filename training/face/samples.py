"""What is learned from, chosen on and tested on: pictures, placements, targets and splits of every corpus.

Conventions are labelling habits: FER2013's own labels, the FER+ voters, RAF-DB's annotators, KDEF's
instructions.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared.contracts.emotions import EMOTIONS
from training.corpora.faces import FacePack, Picture, read_pack
from training.face.crops import (
    Placement,
    aligned_placement,
    rafdb_placement,
    typical_placement,
    window_placement,
)

CONVENTIONS = ("fer2013", "ferplus", "rafdb", "kdef")
CORPORA = ("rafdb_train", "fer2013", "kdef")
SEED = 20130711
# How much FER2013's own label weighs against the voters in the target of the shared head.
FER2013_SHARE = 0.5
KDEF_CHOOSE = ("F05", "F17", "F27", "M08", "M18", "M29")
KDEF_TEST = ("F02", "F09", "F14", "F20", "F28", "M03", "M10", "M15", "M22", "M30")

Flags = npt.NDArray[np.bool_]
Targets = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Corpus:
    """One corpus, ready to sample from.

    `placements` holds ways to crop a picture, float64 [n, ways, 2, 3], NaN where a way is not there (no face
    found); the first way is the one that serving would choose. `targets` maps "shared" and conventions to
    shares over the seven emotions, float32 [n, 7]. `part` says for each picture train, choose, test or ""
    (left out).
    """

    pack: FacePack
    pictures: list[Picture]
    placements: npt.NDArray[np.float64]
    targets: dict[str, Targets]
    part: npt.NDArray[np.str_]

    def indices(self, part: str) -> npt.NDArray[np.int64]:
        """The pictures of one part."""
        return np.flatnonzero(self.part == part)


def hard_targets(label: npt.NDArray[np.int64], smoothing: float) -> Targets:
    """Labels as shares, a little of each spread over all emotions; label -1 gives zeros."""
    shares = np.eye(len(EMOTIONS) + 1, dtype=np.float32)[label][:, :-1]
    return np.where(label[:, None] >= 0, shares * (1 - smoothing) + smoothing / len(EMOTIONS), 0).astype(
        np.float32
    )


def random_parts(count: int, *, choose: float, test: float) -> npt.NDArray[np.str_]:
    """Draw parts at random, the same on every call."""
    draw = np.random.default_rng(SEED).random(count)
    return np.where(draw < test, "test", np.where(draw < test + choose, "choose", "train"))


def rafdb_corpus(points: npt.NDArray[np.float32]) -> Corpus:
    """RAF-DB's train part: 85 % to learn from, 5 % to choose on, 10 % as our test (people are not known)."""
    pack = read_pack("rafdb_train")
    pictures = list(pack.pictures())
    placements = np.stack([[aligned_placement(p), rafdb_placement(100)] for p in points])
    target = hard_targets(pack.label, 0.1)
    part = random_parts(len(pack), choose=0.05, test=0.10)
    return Corpus(pack, pictures, placements, {"shared": target, "rafdb": target}, part)


def fer2013_parts(pack: FacePack) -> npt.NDArray[np.str_]:
    """Training to learn from, PublicTest to choose on, PrivateTest as test; exact repeats are in one only."""
    split, same = pack.text("split"), pack.columns["same_picture"].astype(np.int64)
    part = np.full(len(pack), "", "<U6")
    seen = np.zeros(len(pack), np.bool_)
    for name, official in (("test", "PrivateTest"), ("choose", "PublicTest"), ("train", "Training")):
        mine = split == official
        # The official test stays whole: what stands in it too is taken out of the other parts.
        part[mine & ~seen] = name
        seen |= np.isin(same, same[mine])
    return part


def fer2013_corpus(points: npt.NDArray[np.float32] | None = None) -> Corpus:
    """FER2013 with both of its label sets; contempt's votes are left out of the shares."""
    pack = read_pack("fer2013")
    points = np.full((len(pack), 5, 2), np.nan, np.float32) if points is None else points
    pictures = list(pack.pictures())
    typical, whole = typical_placement(), window_placement(48, 0, 1)
    placements = np.stack([[aligned_placement(p), typical, whole] for p in points])
    votes = pack.vote_shares().astype(np.float32)
    labels = hard_targets(pack.label, 0.05)
    voted = votes.sum(1, keepdims=True) > 0
    mixed = np.where(voted, FER2013_SHARE * labels + (1 - FER2013_SHARE) * votes, labels).astype(np.float32)
    targets = {"shared": mixed, "fer2013": labels, "ferplus": votes}
    return Corpus(pack, pictures, placements, targets, fer2013_parts(pack))


def kdef_corpus(points: npt.NDArray[np.float32]) -> Corpus:
    """KDEF by person: 44 to learn from, 6 to choose on, 10 as test."""
    pack = read_pack("kdef")
    subject = pack.text("subject")
    part = np.where(
        np.isin(subject, KDEF_TEST), "test", np.where(np.isin(subject, KDEF_CHOOSE), "choose", "train")
    )
    placements = np.stack([[aligned_placement(p)] for p in points])
    target = hard_targets(pack.label, 0.05)
    return Corpus(pack, list(pack.pictures()), placements, {"shared": target, "kdef": target}, part)


def test_corpus(name: str, points: npt.NDArray[np.float32]) -> Corpus:
    """A corpus that is only ever tested on: jaffe, ckplus48 or webfaces_expr."""
    pack = read_pack(name)
    placements = np.stack([[aligned_placement(p)] for p in points])
    target = hard_targets(pack.label, 0)
    return Corpus(pack, list(pack.pictures()), placements, {"shared": target}, np.full(len(pack), "test"))


def points_file(cache: Path, name: str) -> Path:
    """Where `training.face.landmarks` keeps the points of a corpus."""
    return cache / f"{name}.points.npy"


def load_corpus(name: str, cache: Path) -> Corpus:
    """Read a corpus; its points must be in the cache.

    Raises:
        FileNotFoundError: they are not.
    """
    if not points_file(cache, name).exists():
        raise FileNotFoundError(
            f"no {points_file(cache, name)}: find the points with training.face.landmarks --packs {name}"
        )
    points = np.load(points_file(cache, name))
    makers = {"rafdb_train": rafdb_corpus, "fer2013": fer2013_corpus, "kdef": kdef_corpus}
    return makers[name](points) if name in makers else test_corpus(name, points)


def serving_placement(corpus: Corpus, index: int) -> Placement:
    """The way to crop a picture that serving would take; without a found face the next, at last the whole."""
    for placement in corpus.placements[index]:
        if np.isfinite(placement).all():
            return np.asarray(placement, np.float64)
    return window_placement(max(corpus.pictures[index].shape[:2]), 0, 1)
