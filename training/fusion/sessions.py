"""Sessions: some readings of one person as a film might hold them, from varied to always the same emotion."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

# How many readings a session has, and which emotions.
LENGTHS = (5, 10, 20)
MIXES = ("all alike", "mostly neutral", "mostly one other", "only neutral", "only one other")
_MOSTLY = 0.8


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions of one length and mix, s of them.

    Attributes:
        heard: [s, n] rows of the readings that a session holds.
        fresh: [s, m] rows of others of the same person, one an emotion (some twice): whatever the session was
            like, these are judged on what it tells of the person.
    """

    heard: IntArray
    fresh: IntArray


def draw_sessions(
    people: Iterable[IntArray],
    emotion: IntArray,
    *,
    length: int,
    mix: str,
    random: np.random.Generator,
) -> Sessions:
    """Draw one session of each person.

    Args:
        people: rows of each person; as often as sessions are wanted of one.
        emotion: [rows] 0..6.
        length: readings in a session.
        mix: one of `MIXES`.
        random: where chance comes from.
    """
    heard, fresh = [], []
    for rows in people:
        there = np.unique(emotion[rows])
        if mix.endswith("neutral") and 0 not in there:
            continue
        shares = _shares(there, mix, random)
        others = np.asarray([random.choice(rows[emotion[rows] == one]) for one in there])
        rest = np.setdiff1d(rows, others)
        wanted = random.choice(there, size=length, p=shares)
        heard.append([_pick(rest, emotion, one, random) for one in wanted])
        fresh.append(np.resize(others, 7))
    return Sessions(np.asarray(heard, dtype=np.int64), np.asarray(fresh, dtype=np.int64))


def _shares(there: IntArray, mix: str, random: np.random.Generator) -> NDArray[np.float64]:
    if mix == "all alike":
        return np.full(len(there), 1 / len(there))
    most = 0 if mix.endswith("neutral") else random.choice(there[there > 0])
    share = _MOSTLY if mix.startswith("mostly") else 1.0
    return np.where(there == most, share, (1 - share) / (len(there) - 1))


def _pick(rest: IntArray, emotion: IntArray, wanted: int, random: np.random.Generator) -> int:
    fitting = rest[emotion[rest] == wanted]
    return int(random.choice(fitting if len(fitting) else rest))
