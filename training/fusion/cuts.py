"""How well people are told apart across cuts: films of one person each, put together as a film with cuts.

EMOTION_CORPORA=... python -m training.fusion.cuts --work WORK
"""

import argparse
import dataclasses
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fusion_service.columns import FaceColumns, IntArray
from fusion_service.parameters import LinkingRules, load_model
from fusion_service.people import link_people
from fusion_service.settings import FusionSettings
from fusion_service.verdicts import select_faces
from training.fusion.films import SeenFilm, read_films
from training.fusion.likeness import likeness_table, linking_rules, measure_likeness
from training.fusion.record import FPS

SHOT_FRAMES = 12
DRAWS = 8
# Two people beside each other: from where on the box begins, and how much smaller it is.
_LEFT, _RIGHT, _SMALLER = 0.0, 0.55, 0.4


@dataclasses.dataclass(frozen=True, slots=True)
class CutFigures:
    """Shares of films put together in which everybody is told apart, 0..1.

    Args:
        alternating: A, B, A, B in the same place, each time another of their films: two people, rightly.
        changed_places: A beside B, then B beside A.
        alone: three films of A: one person.
        films: how many there were of the first two kinds each.
    """

    alternating: float
    changed_places: float
    alone: float
    films: int


def shot(film: SeenFilm) -> FaceColumns:
    """Give the largest face of each of a film's first frames."""
    faces = film.faces
    size = faces.box[:, 2] * faces.box[:, 3]
    rows = [
        int(of_frame[size[of_frame].argmax()])
        for frame in range(SHOT_FRAMES)
        if len(of_frame := np.flatnonzero(faces.frame == frame))
    ]
    return select_faces(faces, np.asarray(rows, dtype=np.int64))


def one_after_another(shots: Sequence[FaceColumns]) -> tuple[FaceColumns, IntArray]:
    """Put shots behind each other; give which of them each row is of, too."""
    later = [
        dataclasses.replace(
            faces,
            frame=faces.frame + number * SHOT_FRAMES,
            t=faces.t - faces.t[0] + number * SHOT_FRAMES / FPS,
        )
        for number, faces in enumerate(shots)
    ]
    return _joined(later), np.repeat(np.arange(len(shots)), [len(faces) for faces in shots])


def beside(left: FaceColumns, right: FaceColumns) -> FaceColumns:
    """Show two people at once, each in half of the picture."""
    both = _joined([_at(left, _LEFT), _at(right, _RIGHT)])
    return select_faces(both, np.argsort(both.frame, kind="stable"))


def measure_cuts(
    films: Sequence[SeenFilm], rules: LinkingRules, *, of: str | None = None, seed: int = 0
) -> CutFigures:
    """Put films together by chance, and count where people are linked rightly.

    Args:
        films: of one person each.
        rules: of linking.
        of: one of the two people, always; anybody where not given.
        seed: of the draws.
    """
    random = np.random.default_rng(seed)
    shots: dict[str, list[FaceColumns]] = {}
    for film in films:
        if film.phase == 0:
            shots.setdefault(film.film.actor, []).append(shot(film))
    pairs = [
        (_two_of(shots[first], random), _two_of(shots[second], random))
        for first, second in itertools.permutations(sorted(shots), 2)
        for _ in range(DRAWS)
        if of in {None, first, second}
    ]
    alternating, changed = [], []
    for (one, one_later), (other, other_later) in pairs:
        alternating.append(_alternates([one, other, one_later, other_later], rules))
        changed.append(_changes_places((one, other), (one_later, other_later), rules))
    alone = [
        len(
            _people(
                one_after_another([own[at] for at in random.choice(len(own), 3, replace=False)])[0], rules
            )
        )
        == 1
        for actor, own in sorted(shots.items())
        for _ in range(2 * DRAWS)
        if of in {None, actor}
    ]
    return CutFigures(float(np.mean(alternating)), float(np.mean(changed)), float(np.mean(alone)), len(pairs))


def held_out_cuts(films: Sequence[SeenFilm], start: LinkingRules) -> CutFigures:
    """Measure each actor's films with rules that come of the films of the others."""
    found = []
    for actor in sorted({film.film.actor for film in films}):
        others = [film for film in films if film.film.actor != actor]
        found.append(measure_cuts(films, linking_rules(measure_likeness(others), start), of=actor))
    return CutFigures(
        float(np.mean([one.alternating for one in found])),
        float(np.mean([one.changed_places for one in found])),
        float(np.mean([one.alone for one in found])),
        sum(one.films for one in found),
    )


def _two_of(shots: Sequence[FaceColumns], random: np.random.Generator) -> tuple[FaceColumns, FaceColumns]:
    one, other = random.choice(len(shots), 2, replace=False).tolist()
    return shots[one], shots[other]


def _joined(parts: Sequence[FaceColumns]) -> FaceColumns:
    names = [field.name for field in dataclasses.fields(FaceColumns)]
    return FaceColumns(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _at(faces: FaceColumns, left: float) -> FaceColumns:
    box = faces.box.copy()
    box[:, 0] = left + _SMALLER * box[:, 0]
    box[:, 2] *= _SMALLER
    return dataclasses.replace(faces, box=box)


def _people(faces: FaceColumns, rules: LinkingRules) -> set[int]:
    return set(link_people(faces, rules).tolist()) - {0}


def _alternates(shots: Sequence[FaceColumns], rules: LinkingRules) -> bool:
    faces, number = one_after_another(shots)
    people = link_people(faces, rules)
    found = [set(people[number == at].tolist()) - {0} for at in range(len(shots))]
    return all(len(one) == 1 for one in found) and found[0] == found[2] != found[1] == found[3]


def _changes_places(
    shots: tuple[FaceColumns, FaceColumns], later: tuple[FaceColumns, FaceColumns], rules: LinkingRules
) -> bool:
    before, after = beside(*shots), beside(later[1], later[0])
    faces, scene = one_after_another([before, after])
    people = link_people(faces, rules)
    is_left = faces.box[:, 0] < _RIGHT
    found = [
        set(people[(scene == at) & side].tolist()) - {0} for at in (0, 1) for side in (is_left, ~is_left)
    ]
    return all(len(who) == 1 for who in found) and found[0] == found[3] != found[1] == found[2]


def told_cuts(figures: CutFigures) -> str:
    """Say it in a sentence."""
    return (
        f"{100 * figures.alternating:.0f} % of shots and reverse shots (A, B, A, B in one place), "
        f"{100 * figures.changed_places:.0f} % of two beside each other who changed places, "
        f"{100 * figures.alone:.0f} % of three films of one person"
    )


def main() -> None:
    """Print how alike people look, and the figures of the rules that ship and of others' rules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="where training.fusion.record wrote")
    parser.add_argument("--corpora", type=Path, default=os.environ.get("EMOTION_CORPORA"))
    given = parser.parse_args()
    parameters = load_model(FusionSettings().fusion_models / "default" / "fusion").parameters
    films = read_films(given.corpora, given.work / "recordings.jsonl", parameters)
    print(likeness_table(measure_likeness(films)), end="\n\n")
    print(f"Told apart rightly: {told_cuts(measure_cuts(films, parameters.linking))}.")
    print(f"With rules out of the others' films: {told_cuts(held_out_cuts(films, parameters.linking))}.")


if __name__ == "__main__":
    main()
