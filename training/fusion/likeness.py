"""How alike two faces of one person look to the face network, and two of different people."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from fusion_service.columns import IntArray
from fusion_service.parameters import LinkingRules
from training.fusion.films import SeenFilm

FloatArray = NDArray[np.float64]

# Faces of a stretch: 2.4 seconds at the pace at which the films are recorded.
STRETCH = 12


@dataclass(frozen=True, slots=True)
class Likeness:
    """Cosines of appearances.

    Attributes:
        following: [n] a face and the one before it in the same film.
        same: [n] the mean over all faces of two stretches, of two films of the same person.
        again: [n] a face and a face of the same person in another film.
        strangers: [n] a face and a face of another person.
        different: [n] the mean over all faces of two stretches of different people.
    """

    following: FloatArray
    same: FloatArray
    again: FloatArray
    strangers: FloatArray
    different: FloatArray

    @property
    def area(self) -> float:
        """Area under the ROC curve of a face against a face, `again` against `strangers`: 0.5..1."""
        cosines = np.concatenate([self.again, self.strangers])
        return float(roc_auc_score(np.arange(len(cosines)) < len(self.again), cosines))


def has_looks(films: Sequence[SeenFilm]) -> bool:
    """Say whether the face network gives an appearance."""
    return all(film.faces.appearance.shape[1] > 0 for film in films)


def measure_likeness(films: Sequence[SeenFilm]) -> Likeness:
    """Measure on films with one person each."""
    looks = [film.faces.appearance[film.people > 0].astype(np.float64) for film in films if film.phase == 0]
    actors = np.asarray([film.film.actor for film in films if film.phase == 0])
    stretches = [rows[:STRETCH] for rows in looks]
    means = np.stack([rows.mean(axis=0) for rows in stretches])
    one, other = np.triu_indices(len(looks), 1)
    alike = (means[one] * means[other]).sum(axis=1)
    is_same = actors[one] == actors[other]

    def face_by_face(ones: IntArray, others: IntArray) -> FloatArray:
        # Neighbours are alike: every fourth face of a film says as much as all.
        return np.concatenate(
            [(stretches[i][::4] @ stretches[j][::4].T).ravel() for i, j in zip(ones, others, strict=True)]
        )

    return Likeness(
        following=np.concatenate([(rows[1:] * rows[:-1]).sum(axis=1) for rows in looks]),
        same=alike[is_same],
        again=face_by_face(one[is_same], other[is_same]),
        strangers=face_by_face(one[~is_same][::4], other[~is_same][::4]),
        different=alike[~is_same],
    )


def linking_rules(likeness: Likeness, start: LinkingRules) -> LinkingRules:
    """Choose the cosines that decide: between what is rare among one person's and what among strangers'.

    `continues`: in the middle between the least alike of 100 faces that follow each other and the most alike
    of 200 pairs of strangers. `same`: a quarter of the way from the most alike of 100 pairs of strangers'
    stretches to the least alike of 100 of one person's; these films were all made in one light, elsewhere one
    person looks less alike, but no more do strangers. `different`: of 20 strangers one is more alike; one who
    is there for two frames only is rarer than a face that is blurred in two.
    """
    rare = {
        "following": float(np.quantile(likeness.following, 0.01)),
        "strangers": float(np.quantile(likeness.strangers, 0.995)),
        "same": float(np.quantile(likeness.same, 0.01)),
        "different": float(np.quantile(likeness.different, 0.99)),
    }
    same = 0.75 * rare["different"] + 0.25 * rare["same"]
    chosen = {
        "continues": (rare["following"] + rare["strangers"]) / 2,
        "same": same,
        "different": min(same, float(np.quantile(likeness.different, 0.95))),
    }
    return start.model_copy(update={name: round(value, 3) for name, value in chosen.items()})


def likeness_table(likeness: Likeness) -> str:
    """Lay out the quantiles as Markdown, with the area under the ROC curve below."""
    marks = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
    lines = [
        "| cosine of | " + " | ".join(f"{mark:.0%}" for mark in marks) + " |",
        "|---|" + "---|" * 7,
    ]
    for name, values in (
        ("a face and the one before it", likeness.following),
        ("two stretches of one person, of two films", likeness.same),
        ("a face and a face of the same person in another film", likeness.again),
        ("a face and a face of somebody else", likeness.strangers),
        ("two stretches of two people", likeness.different),
    ):
        lines.append(
            f"| {name} | " + " | ".join(f"{value:.2f}" for value in np.quantile(values, marks)) + " |"
        )
    lines += [
        "",
        f"AUC of the same person in another film against somebody else, face by face: {likeness.area:.3f}.",
    ]
    return "\n".join(lines)
