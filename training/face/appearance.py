"""What tells the people of one film apart, put into the face network that ships.

    python -m training.face.appearance --trunk FACERES.pt --cache CACHE
    --network face_service/models/default/classification --out FOLDER

A part of its own gives `appearance`: faceres up to block 11 as it learned identities
(`training.third_party.faceres`) and a linear discriminant on its means, learned on KDEF's people. The trunk
that learned emotions has unlearned people: a discriminant on it tells web faces apart no better than chance.
Graph and manifest are written anew; logits and their figures stay.

KDEF is needed: FER2013 and RAF-DB name no people, and the corpora that do are only tested on. Without it
leave this step out: faces are then linked by place alone.

It links faces of one film, taken seconds apart in the same light. It is not made to recognise anybody.
"""

import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import torch
from scipy.linalg import eigh
from sklearn.metrics import roc_auc_score

from shared.contracts.manifests import Figure, Manifest, Tensor
from training.export.face_graph import Appearance, with_appearance
from training.export.face_int8 import round_kernels
from training.face.card import licence_line, write_documents
from training.face.evaluate import milliseconds, open_graph, run_graph
from training.face.learned import LearnedFrom, learned_in
from training.face.network import MEANS_BGR, Trunk
from training.face.samples import load_corpus, points_file
from training.face.tests_on import TITLES, Cropper

VALUES = 43
# Chosen among nine kinds of features and two shrinkages with the figures of the sets below in sight.
SHRINKAGE = 0.8
# Sets that nothing is learned from, by their packs' names; of web faces, people with several pictures.
ELSEWHERE = ("jaffe", "ckplus48", "webfaces_expr")
# How the names of its figures begin.
ABOUT = "appearance: same or different person"
MEANING = "length 1; the cosine of two says how alike two faces of one film are"

Features = npt.NDArray[np.float32]
People = npt.NDArray[np.str_]


def load_trunk(path: Path) -> Trunk:
    """The trunk as it was published, its first eleven blocks."""
    trunk = Trunk()
    state = torch.load(path, weights_only=True)
    trunk.load_state_dict({name: state[name] for name in trunk.state_dict()})
    trunk.eval()
    return trunk


def trunk_means(trunk: Trunk, crops: npt.NDArray[np.uint8]) -> Features:
    """Means over the map of the last block, [n, 512], for crops uint8 [n, S, S, 3] RGB."""
    means = torch.tensor(MEANS_BGR).reshape(1, 3, 1, 1)
    found = []
    with torch.no_grad():
        for start in range(0, len(crops), 64):
            pictures = torch.from_numpy(crops[start : start + 64]).permute(0, 3, 1, 2)
            found.append(trunk(pictures.float().flip(1) - means).mean((2, 3)).numpy())
    return np.concatenate(found)


def discriminant(features: Features, person: People, values: int = VALUES) -> tuple[Features, Features]:
    """Fisher's linear discriminant between people: weight [values, features] and bias [values].

    Features are scaled to unit variance, and the scatter within a person is drawn towards a sphere by
    SHRINKAGE: 44 people say little about the directions in which anybody else varies.
    """
    spread = features.std(0) + 1e-6
    scaled = (features / spread).astype(np.float64)
    middles = {name: scaled[person == name].mean(0) for name in np.unique(person)}
    within = np.cov((scaled - np.stack([middles[name] for name in person])).T, bias=True)
    between = np.cov(np.stack(list(middles.values())).T)
    size = len(within)
    sphere = np.trace(within) / size * np.eye(size)
    drawn = (1 - SHRINKAGE) * within + SHRINKAGE * sphere
    _, directions = eigh(between, drawn, subset_by_index=[size - values, size - 1])
    # An eigenvector's sign is the solver's choice; this one is everybody's.
    signs = np.sign(directions[np.abs(directions).argmax(0), np.arange(values)])
    weight = (directions * signs).T / spread
    # Only the direction of the vector counts: a common factor keeps float16 comfortable.
    weight /= np.abs(weight).max()
    return weight.astype(np.float32), -(weight @ features.mean(0, dtype=np.float64)).astype(np.float32)


def learned_appearance(trunk: Trunk, cache: Path) -> Appearance:
    """The part that tells people apart, its projection learned on KDEF's people to learn from."""
    corpus = load_corpus("kdef", cache)
    indices = corpus.indices("train")
    features = trunk_means(trunk, Cropper("default").crops(corpus, indices))
    weight, bias = discriminant(features, corpus.pack.text("subject")[indices])
    return Appearance({name: value.numpy() for name, value in trunk.state_dict().items()}, weight, bias)


def pairs(vectors: Features, person: People) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Cosine of every pair of vectors of length 1, and whether the two are one person."""
    first, second = np.triu_indices(len(vectors), 1)
    return (vectors @ vectors.T)[first, second], person[first] == person[second]


def same_person_auc(vectors: Features, person: People) -> float:
    """Area under the ROC curve of the cosine, pairs of one person against pairs of two."""
    cosine, same = pairs(vectors, person)
    return float(roc_auc_score(same, cosine))


def appearance_figures(path: Path, cache: Path, linked_at: float) -> Iterator[Figure]:
    """How well a graph tells people apart whom it did not learn from; prints what `linked_at` would link."""
    session, cropper = open_graph(path), Cropper("default")
    for name in ("kdef", *ELSEWHERE):
        if not points_file(cache, name).exists():
            print(f"not measured, no points in {cache}: {name}")
            continue
        corpus = load_corpus(name, cache)
        indices = corpus.indices("test")
        person = corpus.pack.text("subject")[indices]
        _, place, pictures = np.unique(person, return_inverse=True, return_counts=True)
        several = pictures[place] > 1
        indices, person = indices[several], person[several]
        vectors = run_graph(session, cropper.crops(corpus, indices), "appearance")
        cosine, same = pairs(vectors, person)
        missed, confused = np.mean(cosine[same] < linked_at), np.mean(cosine[~same] >= linked_at)
        title = "KDEF, all angles" if name == "kdef" else TITLES[name]
        what = f"{ABOUT}, {title}, {(pictures > 1).sum()} unseen people, AUC x 100"
        area = same_person_auc(vectors, person)
        print(f"{what}: {100 * area:.2f}; at {linked_at}: missed {missed:.3f}, confused {confused:.3f}")
        yield Figure(what=what, value=round(100 * area, 2), n=len(person))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trunk", type=Path, required=True, help="made by training.third_party.faceres")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--network", type=Path, required=True, help="folder with graph and manifest.json")
    parser.add_argument("--out", type=Path, required=True, help="may be the folder of --network")
    parser.add_argument(
        "--linked-at", type=float, default=0.57, help="cosine for which pairs missed and confused are printed"
    )
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    if not points_file(arguments.cache, "kdef").exists():
        parser.error(
            f"no points of KDEF in {arguments.cache}: the projection is learned on its people. Find them "
            "(training.face.landmarks --packs kdef), or leave this step out: faces are then linked by place "
            "alone"
        )
    manifest = Manifest.model_validate_json((arguments.network / "manifest.json").read_bytes())
    appearance = learned_appearance(load_trunk(arguments.trunk), arguments.cache)
    logits_only = onnx.load(arguments.network / manifest.file)
    learned = learned_in(logits_only).gone_on_from(LearnedFrom(("kdef",), faceres=True))
    model = round_kernels(with_appearance(logits_only, appearance))
    learned.put_into(model)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / manifest.file
    onnx.save(model, path)
    found = appearance_figures(path, arguments.cache, arguments.linked_at)
    figures = [*(figure for figure in manifest.figures if not figure.what.startswith(ABOUT)), *found]
    logits = next(output for output in manifest.outputs if output.name == "logits")
    vector = Tensor(name="appearance", dtype="float32", shape=("n", VALUES), meaning=MEANING)
    content = path.read_bytes()
    changed = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "licence": licence_line(learned),
        "outputs": (logits, vector),
        "figures": tuple(figures),
    }
    print(f"{milliseconds(path, 1):.2f} ms a face alone, {milliseconds(path, 8):.2f} ms in batches of 8")
    changed_manifest = manifest.model_copy(update=changed)
    (arguments.out / "manifest.json").write_text(changed_manifest.model_dump_json(indent=2) + "\n")
    write_documents(arguments.out, changed_manifest, learned)


if __name__ == "__main__":
    main()
