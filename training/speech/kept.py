"""What a step left is gone on with, but only where it was learned in the same way."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def way_of(**chosen: Any) -> str:
    """Write down how something is learned (corpora, seeds, ...), to be kept beside it as `way`."""
    return json.dumps(chosen, sort_keys=True)


def is_kept(path: Path, way: str) -> bool:
    """Say whether a step's file (.npz) is there already. Files that do not name their way are believed.

    Raises:
        ValueError: it was learned in another way.
    """
    if not path.exists():
        return False
    with np.load(path) as stored:
        found = str(stored["way"]) if "way" in stored else way
    if found != way:
        raise ValueError(f"{path} was learned by {found}, not by {way}: name another place, or remove it")
    return True


def way_in(path: Path) -> dict[str, Any]:
    """Read how a step's file (.npz) was learned: what `way_of` was given; empty where it does not say."""
    with np.load(path) as stored:
        found: dict[str, Any] = json.loads(str(stored["way"])) if "way" in stored else {}
    return found


def check_corpora(path: Path, only: Sequence[str]) -> None:
    """See to it that a fit is measured on the rows that it was learned with.

    Raises:
        ValueError: it was learned with other corpora than `only`.
    """
    learned = way_in(path).get("only", list(only))
    if learned != list(only):
        raise ValueError(f"{path} was learned with --only {' '.join(learned)}: name the same here")
