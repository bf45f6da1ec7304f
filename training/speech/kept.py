"""What a step left is gone on with, but only where it was learned in the same way."""

import json
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
