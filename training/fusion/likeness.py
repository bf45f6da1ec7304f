"""How alike two faces of one person look to the face network, and two of different people."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion_service.parameters import LinkingRules
from training.fusion.films import SeenFilm

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Likeness:
    """Cosines of appearances.

    Attributes:
        following: [n] a face and the one before it in the same film.
        same: [n] a face and the mean of another film of the same person.
        different: [n] a face and the mean of a film of another person.
    """

    following: FloatArray
    same: FloatArray
    different: FloatArray


def measure_likeness(films: Sequence[SeenFilm]) -> Likeness:
    """Measure on films with one person each."""
    looks = [film.faces.appearance[film.people > 0].astype(np.float64) for film in films if film.phase == 0]
    actors = np.asarray([film.film.actor for film in films if film.phase == 0])
    means = np.stack([rows.mean(axis=0) / np.linalg.norm(rows.mean(axis=0)) for rows in looks])
    following = [(rows[1:] * rows[:-1]).sum(axis=1) for rows in looks]
    same, different = [], []
    for index, rows in enumerate(looks):
        cosines = rows[::4] @ means.T
        alike = actors == actors[index]
        different.append(cosines[:, ~alike].ravel())
        alike[index] = False
        same.append(cosines[:, alike].ravel())
    return Likeness(np.concatenate(following), np.concatenate(same), np.concatenate(different))


def linking_rules(likeness: Likeness, start: LinkingRules) -> LinkingRules:
    """Choose the cosines that decide.

    `same`: hardly any face of somebody who returns is less alike (1 in 20). `different`: hardly any face
    differs as much from the one a fifth of a second before (1 in 200), and never above `same`.
    """
    same = float(np.quantile(likeness.same, 0.05))
    different = min(float(np.quantile(likeness.following, 0.005)), same) - 0.02
    return start.model_copy(update={"same": round(same, 3), "different": round(different, 3)})


def likeness_table(likeness: Likeness) -> str:
    """Lay out the quantiles as Markdown."""
    marks = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
    lines = [
        "| cosine of | " + " | ".join(f"{mark:.0%}" for mark in marks) + " |",
        "|---|" + "---|" * 7,
    ]
    for name, values in (
        ("a face and the one before it", likeness.following),
        ("one person, two films", likeness.same),
        ("two people", likeness.different),
    ):
        lines.append(
            f"| {name} | " + " | ".join(f"{value:.2f}" for value in np.quantile(values, marks)) + " |"
        )
    return "\n".join(lines)
