"""What tells people apart in one film: a linear discriminant on pooled trunk features, learned on KDEF's
people.

It links faces of one film, taken seconds apart in the same light. It is not made to recognise anybody.
"""

import numpy as np
import numpy.typing as npt
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from training.export.face_graph import Appearance
from training.face.network import FaceNetwork

VALUES = 48
CANDIDATES = ((11,), (8,), (5,), (5, 11), (5, 8), (3, 5, 8, 11))
Features = npt.NDArray[np.float32]


def block_means(network: FaceNetwork, crops: npt.NDArray[np.uint8]) -> dict[int, Features]:
    """Mean over the map of blocks 3, 5, 8 and 11 for crops uint8 [n, S, S, 3]: {block: [n, channels]}."""
    with torch.no_grad():
        network.eval()
        found: dict[int, list[Features]] = {3: [], 5: [], 8: [], 11: []}
        for start in range(0, len(crops), 64):
            pictures = torch.from_numpy(crops[start : start + 64]).permute(0, 3, 1, 2)
            maps = network.trunk.blocks(pictures.float().flip(1) - network.means, 11)
            for number, parts in found.items():
                parts.append(maps[number].mean((2, 3)).numpy())
        return {number: np.concatenate(parts) for number, parts in found.items()}


def same_person_auc(vectors: Features, person: npt.NDArray[np.str_]) -> float:
    """Area under the ROC curve of cosine similarity, pairs of one person against pairs of two."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    first, second = np.triu_indices(len(unit), 1)
    if len(first) > 400_000:
        drawn = np.random.default_rng(0).choice(len(first), 400_000, replace=False)
        first, second = first[drawn], second[drawn]
    return float(roc_auc_score(person[first] == person[second], (unit[first] * unit[second]).sum(1)))


def joined(means: dict[int, Features], blocks: tuple[int, ...]) -> Features:
    return np.concatenate([means[number] for number in blocks], axis=1)


def discriminant(features: Features, person: npt.NDArray[np.str_], blocks: tuple[int, ...]) -> Appearance:
    """Learn the projection to VALUES values."""
    people = np.unique(person)
    model = LinearDiscriminantAnalysis(
        solver="eigen", shrinkage=0.2, n_components=min(VALUES, len(people) - 1)
    )
    model.fit(features, person)
    weight = model.scalings_[:, : model.n_components].T.astype(np.float32)
    # The eigen solver scales to unit variance within a person; a common factor keeps float16 comfortable.
    weight /= np.abs(weight).max()
    return Appearance(blocks, weight, -(weight @ features.mean(0)).astype(np.float32))


def project(means: dict[int, Features], appearance: Appearance) -> Features:
    return np.asarray(joined(means, appearance.blocks) @ appearance.weight.T + appearance.bias, np.float32)


def choose_blocks(
    learned: tuple[dict[int, Features], npt.NDArray[np.str_]],
    chosen: tuple[dict[int, Features], npt.NDArray[np.str_]],
) -> Appearance:
    """The candidate that tells the people to choose on apart best."""
    best: tuple[float, Appearance] | None = None
    for blocks in CANDIDATES:
        appearance = discriminant(joined(learned[0], blocks), learned[1], blocks)
        area = same_person_auc(project(chosen[0], appearance), chosen[1])
        print(f"appearance from blocks {blocks}: AUC {area:.3f} on people to choose on")
        if best is None or area > best[0]:
            best = (area, appearance)
    if best is None:
        raise ValueError("no candidates")
    return best[1]
