"""What a network answered on one set of people or pictures that it never learned from."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared.contracts.emotions import EMOTIONS
from training.measures import Share, by_person_if_known

UNKNOWN = ""


@dataclass(frozen=True)
class Answers:
    """Answers of one network on one test set.

    `scores` is [n, emotions], each row sums to 1; all NaN where the network refused to name an emotion, which
    counts as wrong. `label` is an index into `names` [n]. `person` and `sex` are "" where the index does not
    have them. `fold` names the fit that answered, which never saw that part's people; None where one network
    answered all. `contradicted` says where face and voice named different emotions; None where only one was
    asked; `uncertain_below` is the threshold of that one, None where the page's serves.
    """

    title: str
    scores: npt.NDArray[np.float64]
    label: npt.NDArray[np.int64]
    person: npt.NDArray[np.str_]
    sex: npt.NDArray[np.str_]
    fold: npt.NDArray[np.str_] | None = None
    names: tuple[str, ...] = tuple(EMOTIONS)
    contradicted: npt.NDArray[np.bool_] | None = None
    uncertain_below: float | None = None

    def certain(self, threshold: float) -> npt.NDArray[np.bool_]:
        """Where an emotion was named with at least this confidence, and nothing spoke against it."""
        threshold = threshold if self.uncertain_below is None else self.uncertain_below
        sure = np.asarray(self.answered & (self.scores.max(1) >= threshold), np.bool_)
        return sure if self.contradicted is None else sure & ~self.contradicted

    @property
    def answered(self) -> npt.NDArray[np.bool_]:
        """Where an emotion was named."""
        return np.isfinite(self.scores[:, 0])

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """Index of the emotion named, -1 where none was."""
        return np.where(self.answered, np.nan_to_num(self.scores, nan=-1.0).argmax(1), -1)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Where the emotion named is the label."""
        return np.asarray(self.predicted == self.label, np.bool_)

    def accuracy(self) -> Share:
        """Share right; the interval draws people anew where they are known (else Wilson's)."""
        return by_person_if_known(self.right, self.person)

    def accuracy_by_sex(self) -> Iterator[tuple[str, Share]]:
        """Share right of each sex that the index names."""
        for sex in sorted(set(self.sex.tolist()) - {UNKNOWN}):
            mine = self.sex == sex
            yield sex, by_person_if_known(self.right[mine], self.person[mine])

    def accuracy_by_fold(self) -> Iterator[tuple[str, list[str], Share]]:
        """Name, people and share right of each fold."""
        if self.fold is None:
            return
        for fold in sorted(set(self.fold.tolist())):
            mine = self.fold == fold
            yield (
                fold,
                sorted(set(self.person[mine].tolist())),
                by_person_if_known(self.right[mine], self.person[mine]),
            )
