"""Confusion matrices and reliability diagrams of all test sets of a network, as one SVG each."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.measures import BINS, calibration_error, confusion
from training.report.answers import Answers

COLUMNS = 4
INCHES = 3.0
# The same answers give the same file, and text stays text.
STYLE: dict[Any, Any] = {"svg.hashsalt": "report", "svg.fonttype": "none", "font.size": 7}


def draw_confusion(axes: Axes, answers: Answers) -> None:
    """Rows are labels, columns what was named; each cell the share of its row in per cent."""
    answered = answers.answered
    counts = confusion(answers.predicted[answered], answers.label[answered], len(answers.names))
    shares = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(shares, vmin=0, vmax=100, cmap="Blues")
    for row, column in np.ndindex(shares.shape):
        if counts[row].sum():
            colour = "white" if shares[row, column] > 60 else "black"
            axes.text(column, row, f"{shares[row, column]:.0f}", ha="center", va="center", color=colour)
    names = [name[:4] for name in answers.names]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), [f"{name} {n}" for name, n in zip(names, counts.sum(1), strict=True)])
    axes.set_xlabel("named")


def draw_reliability(axes: Axes, answers: Answers) -> None:
    """Share right over confidence in 15 bins; a dot is as large as its bin is full."""
    answered = answers.answered
    scores, label = answers.scores[answered], answers.label[answered]
    confidence, right = scores.max(1), answers.right[answered]
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    full = [b for b in range(BINS) if (place == b).any()]
    x = [float(confidence[place == b].mean()) for b in full]
    y = [float(right[place == b].mean()) for b in full]
    sizes = [4 + 150 * float((place == b).mean()) for b in full]
    axes.plot((0, 1), (0, 1), color="grey", linewidth=0.6)
    axes.scatter(x, y, s=sizes, alpha=0.7)
    axes.set(xlim=(0, 1.02), ylim=(-0.02, 1.02), xlabel="confidence", ylabel="share right", aspect="equal")
    axes.text(0.04, 0.92, f"ECE {calibration_error(scores, label):.3f}")


def draw_all(every: Sequence[Answers], draw: Callable[[Axes, Answers], None], path: Path) -> None:
    """One small drawing a test set, in a grid."""
    rows = math.ceil(len(every) / COLUMNS)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(COLUMNS * INCHES, rows * INCHES), layout="constrained")
        for place, answers in enumerate(every, 1):
            axes = figure.add_subplot(rows, COLUMNS, place)
            draw(axes, answers)
            axes.set_title(f"{answers.title}, n={len(answers.label)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})
