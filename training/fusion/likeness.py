"""How alike two faces of one person look to the face network, and two of different people."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        strangers: [n] a face and a face of another person.
        different: [n] the mean over all faces of two stretches of different people.
    """

    following: FloatArray
    same: FloatArray
    strangers: FloatArray
    different: FloatArray


def measure_likeness(films: Sequence[SeenFilm]) -> Likeness:
    """Measure on films with one person each."""
    looks = [film.faces.appearance[film.people > 0].astype(np.float64) for film in films if film.phase == 0]
    actors = np.asarray([film.film.actor for film in films if film.phase == 0])
    stretches = [rows[:STRETCH] for rows in looks]
    means = np.stack([rows.mean(axis=0) for rows in stretches])
    one, other = np.triu_indices(len(looks), 1)
    alike = (means[one] * means[other]).sum(axis=1)
    is_same = actors[one] == actors[other]
    pairs = zip(one[~is_same][::4], other[~is_same][::4], strict=True)
    return Likeness(
        following=np.concatenate([(rows[1:] * rows[:-1]).sum(axis=1) for rows in looks]),
        same=alike[is_same],
        # Neighbours are alike: every fourth face of a film says as much as all.
        strangers=np.concatenate([(stretches[i][::4] @ stretches[j][::4].T).ravel() for i, j in pairs]),
        different=alike[~is_same],
    )


def linking_rules(likeness: Likeness, start: LinkingRules) -> LinkingRules:
    """Choose the cosines that decide.

    `continues`: of two strangers' faces hardly any are so much alike (1 in 200). `same`: hardly two stretches
    of one person are less alike (1 in 100). `different`: half of all strangers are less alike; a stranger who
    is there for two frames only is rarer than a face that is blurred in two.
    """
    same = float(np.quantile(likeness.same, 0.01))
    chosen = {
        "continues": float(np.quantile(likeness.strangers, 0.995)),
        "same": same,
        "different": min(same, float(np.quantile(likeness.different, 0.5))),
    }
    return start.model_copy(update={name: round(value, 3) for name, value in chosen.items()})


def likeness_table(likeness: Likeness) -> str:
    """Lay out the quantiles as Markdown."""
    marks = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
    lines = [
        "| cosine of | " + " | ".join(f"{mark:.0%}" for mark in marks) + " |",
        "|---|" + "---|" * 7,
    ]
    for name, values in (
        ("a face and the one before it", likeness.following),
        ("two stretches of one person, of two films", likeness.same),
        ("a face and a face of somebody else", likeness.strangers),
        ("two stretches of two people", likeness.different),
    ):
        lines.append(
            f"| {name} | " + " | ".join(f"{value:.2f}" for value in np.quantile(values, marks)) + " |"
        )
    return "\n".join(lines)
