"""How well the network that tells people apart does so on people of whom it learned nothing.

    python -m training.face.appearance --cache CACHE [--network FOLDER] [--write]

Every picture of KDEF, JAFFE, CK+ and the web faces (people with several pictures) whose points are in the
cache (`training.face.landmarks`), cut as face_service cuts them; the cosine of every pair. Prints the area
under the ROC curve, and which share of pairs of one person is missed and of strangers confused at the cosine
from which the fusion that ships takes two for one.
`--write` puts the figures into the network's manifest.

It tells people of one film apart. It is not made to recognise anybody.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from face_service.alignment import APPEARANCE_TARGET, align_face
from face_service.classification import AppearanceReader
from face_service.settings import FaceSettings
from fusion_service.parameters import load_model
from fusion_service.settings import FusionSettings
from shared.contracts.manifests import Figure
from shared.inference import OnnxSession
from training.corpora.faces import read_pack
from training.face.samples import points_file
from training.face.tests_on import TITLES
from training.whole_files import written_whole

SETS = ("kdef", "jaffe", "ckplus48", "webfaces_expr")
_AT_ONCE = 32

Features = npt.NDArray[np.float32]
People = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Told:
    """How well the people of one set are told apart.

    Attributes:
        title: of the set.
        people: how many.
        pictures: how many.
        area: under the ROC curve of the cosine, pairs of one person against pairs of two: 0.5..1.
        missed: share of pairs of one person below the cosine that is asked about.
        confused: share of pairs of strangers at it or above.
    """

    title: str
    people: int
    pictures: int
    area: float
    missed: float
    confused: float


def pairs(vectors: Features, person: People) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Cosine of every pair of vectors of length 1, and whether the two are one person."""
    first, second = np.triu_indices(len(vectors), 1)
    return (vectors @ vectors.T)[first, second], person[first] == person[second]


def told_apart(title: str, vectors: Features, person: People, linked_at: float) -> Told:
    """Measure on vectors of length 1 [n, k] of the people [n]."""
    cosine, same = pairs(vectors, person)
    return Told(
        title=title,
        people=len(np.unique(person)),
        pictures=len(person),
        area=float(roc_auc_score(same, cosine)),
        missed=float(np.mean(cosine[same] < linked_at)),
        confused=float(np.mean(cosine[~same] >= linked_at)),
    )


def read_people(name: str, cache: Path, reader: AppearanceReader) -> tuple[Features, People]:
    """The vectors of all pictures of a set with points, of people with several of them; and who they are."""
    pack, points = read_pack(name), np.load(points_file(cache, name))
    person = pack.text("subject")
    found = np.isfinite(points).all(axis=(1, 2))
    _, place, count = np.unique(person[found], return_inverse=True, return_counts=True)
    chosen = np.flatnonzero(found)[count[place] > 1]
    pictures = list(pack.pictures())
    parts = [
        reader.read(
            np.stack([align_face(pictures[at], points[at], reader.size, APPEARANCE_TARGET) for at in some])
        )
        for some in np.array_split(chosen, max(1, len(chosen) // _AT_ONCE))
    ]
    return np.concatenate(parts), person[chosen]


def measured(cache: Path, reader: AppearanceReader, linked_at: float) -> Iterator[Told]:
    """Measure on every set whose points are in the cache; the others are named."""
    for name in SETS:
        if not points_file(cache, name).exists():
            print(f"not measured, no points in {cache}: {name}")
            continue
        title = "KDEF, all angles" if name == "kdef" else TITLES[name]
        yield told_apart(title, *read_people(name, cache, reader), linked_at)


def figure(told: Told) -> Figure:
    """As the manifest states it."""
    return Figure(
        what=f"same or different person, {told.title}, {told.people} people, AUC x 100",
        value=round(100 * told.area, 2),
        n=told.pictures,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--network", type=Path, default=FaceSettings().face_models / "default/appearance")
    parser.add_argument(
        "--linked-at",
        type=float,
        default=load_model(FusionSettings().fusion_models / "default/fusion").parameters.linking.same,
        help="cosine at which pairs missed and confused are counted; by default the fusion's, %(default)s",
    )
    parser.add_argument("--write", action="store_true", help="put the figures into the manifest")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    reader = AppearanceReader(OnnxSession(arguments.network, threads=1))
    found = list(measured(arguments.cache, reader, arguments.linked_at))
    print(f"| pairs of | people | pictures | AUC x 100 | missed at {arguments.linked_at} | confused |")
    print("|---|---|---|---|---|---|")
    for told in found:
        shares = f"{told.missed:.3f} | {told.confused:.4f}"
        print(f"| {told.title} | {told.people} | {told.pictures} | {100 * told.area:.2f} | {shares} |")
    if arguments.write:
        manifest = reader.manifest.model_copy(update={"figures": tuple(map(figure, found))})
        with written_whole(arguments.network / "manifest.json") as unfinished:
            unfinished.write_text(manifest.model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    main()
