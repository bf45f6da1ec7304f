"""The timeline of an analysis as a few curves of characters, one an emotion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.contracts.emotions import EMOTIONS, Emotion
from shared.contracts.fusion import Moment

_WORTH_A_CURVE = 0.2
_CELLS_A_MOMENT = 6


@dataclass(frozen=True, slots=True)
class Timeline:
    """Moments laid out over cells of equal length.

    Args:
        start: seconds at the left edge.
        end: seconds at the right edge.
        scores: shape [cells, 7]; NaN where there is no moment.
        face: shape [cells]; whether a face was read there.
        speech: shape [cells]; whether speech was read there.
    """

    start: float
    end: float
    scores: NDArray[np.float64]
    face: NDArray[np.bool_]
    speech: NDArray[np.bool_]

    def curve(self, emotion: Emotion) -> list[float | None]:
        """Give the score of an emotion, 0..1, cell by cell; None where there is no moment."""
        column = self.scores[:, EMOTIONS.index(emotion)]
        return [None if np.isnan(value) else float(value) for value in column]

    def curves_worth_showing(self) -> list[Emotion]:
        """Give the emotions that stand out somewhere, the strongest over the whole first; at least one."""
        peaks = np.nanmax(self.scores, axis=0)
        means = np.nanmean(self.scores, axis=0)
        order = sorted(range(len(EMOTIONS)), key=lambda index: -means[index])
        return [EMOTIONS[index] for index in order if peaks[index] >= _WORTH_A_CURVE] or [EMOTIONS[order[0]]]


def lay_out(moments: Sequence[Moment], cells: int) -> Timeline:
    """Lay moments out over at most so many cells.

    Args:
        moments: at least one, in order of time.
        cells: most cells, 1 or more; fewer are used for few moments.
    """
    start, end = moments[0].start, moments[-1].end
    if len(moments) < cells:
        cells = len(moments) * min(_CELLS_A_MOMENT, cells // len(moments))
    starts = np.array([moment.start for moment in moments])
    ends = np.array([moment.end for moment in moments])
    edges = np.linspace(start, end, cells + 1)
    overlap = np.minimum(ends, edges[1:, None]) - np.maximum(starts, edges[:-1, None])
    # Rounded times may touch by a hair where they only meet.
    overlap = np.where(overlap > 1e-6, overlap, 0.0)
    covered = overlap.sum(axis=1, keepdims=True)
    scores = np.array([moment.scores.values() for moment in moments])
    with np.errstate(invalid="ignore"):
        mixed = overlap @ scores / covered
    return Timeline(
        start=start,
        end=end,
        scores=mixed,
        face=_present(overlap, moments, lambda moment: moment.face is not None),
        speech=_present(overlap, moments, lambda moment: moment.speech is not None),
    )


def _present(
    overlap: NDArray[np.float64], moments: Sequence[Moment], has: Callable[[Moment], bool]
) -> NDArray[np.bool_]:
    having = np.array([has(moment) for moment in moments])
    present: NDArray[np.bool_] = (overlap > 0) @ having
    return present
