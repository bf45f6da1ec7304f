"""Which head ships: the shared one, moved part of the way to the conventions' own heads; and how much each
of several networks counts."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from training.face.samples import CONVENTIONS

STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
Logits = dict[str, npt.NDArray[np.float32]]
Labels = npt.NDArray[np.int64]
Answers = tuple[Logits, Labels]
# Shares of the logits of a network of plain convolutions beside the trunk's.
PLAIN_SHARES = (0.0, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)


def mean_accuracy(shares: dict[str, float], parts: dict[str, Answers]) -> tuple[float, dict[str, float]]:
    """Mean over the parts, and each part, of the accuracy of the mixed head."""
    each = {}
    for name, (logits, label) in parts.items():
        mixed = logits["shared"].copy()
        for convention, share in shares.items():
            mixed += share * (logits[convention] - logits["shared"])
        each[name] = float((mixed.argmax(1) == label).mean())
    return float(np.mean(list(each.values()))), each


def choose_shares(parts: dict[str, Answers]) -> dict[str, float]:
    """The share of each convention's own head with the best mean accuracy on the parts to choose on.

    A smaller sum of shares wins where the mean is equal to a thousandth.
    """
    best: tuple[float, dict[str, float]] = (-1.0, {})
    for values in product(STEPS, repeat=len(CONVENTIONS)):
        shares = dict(zip(CONVENTIONS, values, strict=True))
        mean, _ = mean_accuracy(shares, parts)
        score = round(mean, 3) - 1e-4 * sum(values)
        if score > best[0]:
            best = (score, shares)
    return best[1]


def choose_plain_shares(trunk: dict[str, Answers], plain: Sequence[dict[str, Answers]]) -> tuple[float, ...]:
    """The shares of the other networks' logits with the best mean accuracy on the parts to choose on.

    All answer with their shared heads; the smaller shares win where the mean is equal.
    """
    best: tuple[float, tuple[float, ...]] = (-1.0, ())
    for shares in sorted(product(PLAIN_SHARES, repeat=len(plain)), key=sum):
        each = {}
        for name, (logits, label) in trunk.items():
            added = [share * one[name][0]["shared"] for share, one in zip(shares, plain, strict=True)]
            each[name] = float((sum(added, logits["shared"]).argmax(1) == label).mean())
        mean = float(np.mean(list(each.values())))
        if mean > best[0]:
            best = (mean, shares)
            print(f"plain at {shares}: {mean:.4f}", {name: round(value, 3) for name, value in each.items()})
    return best[1]
