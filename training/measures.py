"""Figures and how sure they are: accuracy with intervals, calibration error, temperature, confusion."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

Logits = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]
BINS = 15


@dataclass(frozen=True)
class Share:
    """A share of `n` with its 95 % interval, all 0..1."""

    value: float
    n: int
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} ({100 * self.low:.1f}-{100 * self.high:.1f}, n={self.n})"


def wilson(right: npt.NDArray[np.bool_]) -> Share:
    """Share of True with Wilson's interval (1927), for independent pictures."""
    n = len(right)
    p, z = float(right.mean()), 1.959964
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Share(p, n, float(centre - half), float(centre + half))


def by_person(right: npt.NDArray[np.bool_], person: npt.NDArray[np.str_], *, draws: int = 2000) -> Share:
    """Share of True, bootstrapped over people: pictures of one person are not independent."""
    _, place = np.unique(person, return_inverse=True)
    hits, counts = np.bincount(place, right), np.bincount(place)
    chosen = np.random.default_rng(0).integers(0, len(counts), (draws, len(counts)))
    shares = hits[chosen].sum(1) / counts[chosen].sum(1)
    low, high = np.quantile(shares, (0.025, 0.975))
    return Share(float(right.mean()), len(right), float(low), float(high))


def by_person_if_known(right: npt.NDArray[np.bool_], person: npt.NDArray[np.str_]) -> Share:
    """Share of True, people drawn anew where that says something.

    Wilson's interval where it does not: of one person, of people who are not known ("" all), and where all
    are True or none, for every draw is alike then.
    """
    drawn = len(np.unique(person)) > 1 and 0 < right.mean() < 1
    return by_person(right, person) if drawn else wilson(right)


def probabilities(logits: Logits, temperature: float) -> npt.NDArray[np.float64]:
    """softmax(logits / temperature), [n, k]."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(-1, keepdims=True))
    return np.asarray(scaled / scaled.sum(-1, keepdims=True), np.float64)


def calibration_error(scores: npt.NDArray[np.float64], label: Labels) -> float:
    """Expected calibration error with 15 equal bins (Guo et al. 2017), 0..1."""
    return _gap(scores.max(1), scores.argmax(1) == label)


def least_calibration_error(scores: npt.NDArray[np.float64], *, draws: int = 400) -> float:
    """The calibration error to expect of scores [n, k] that are exactly right: n is finite.

    Mean over drawn labels of that chance, answers independent: with few people it is larger.
    """
    random, confidence = np.random.default_rng(0), scores.max(1)
    return float(np.mean([_gap(confidence, random.random(len(scores)) < confidence) for _ in range(draws)]))


def _gap(confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(place, right - confidence)).sum() / len(place))


def fit_temperature(logits: Logits, label: Labels, weight: npt.NDArray[np.float64]) -> float:
    """The temperature with the least weighted negative log-likelihood."""

    def cost(log_temperature: float) -> float:
        scores = probabilities(logits, float(np.exp(log_temperature)))
        likelihood = np.log(np.maximum(scores[np.arange(len(label)), label], 1e-12))
        return -float((weight * likelihood).sum() / weight.sum())

    return float(np.exp(minimize_scalar(cost, bounds=(-2.0, 2.0), method="bounded").x))


def threshold_for(
    scores: npt.NDArray[np.float64], label: Labels, weight: npt.NDArray[np.float64], *, wanted: float = 0.9
) -> tuple[float, float, float]:
    """The lowest confidence (in hundredths) above which `wanted` are right; shares right and kept."""
    confidence, right = scores.max(1), scores.argmax(1) == label
    found = (0.95, 0.0, 0.0)
    for step in range(20, 96):
        kept = confidence >= step / 100
        if not kept.any():
            break
        share = float((right * weight)[kept].sum() / weight[kept].sum())
        found = (step / 100, share, float(weight[kept].sum() / weight.sum()))
        if share >= wanted:
            break
    return found


def confusion(predicted: Labels, label: Labels, classes: int = 7) -> npt.NDArray[np.int64]:
    """Counts [label, predicted]."""
    return np.bincount(label * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def mean_recall(predicted: Labels, label: Labels) -> float:
    """Mean over the classes that occur of the share found."""
    return float(np.mean([(predicted[label == c] == c).mean() for c in np.unique(label)]))
