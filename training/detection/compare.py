"""Compare face detectors by recall, false alarms and time, and print the table of docs/face-detection.md.

EMOTION_CORPORA=... python -m training.detection.compare [--few]
"""

import argparse
import math
import sys
import time
from collections.abc import Sequence

import cv2
import numpy as np

from training.detection import material
from training.detection.candidates import Detect, candidates
from training.detection.material import Example

POSES = {"front": ("S",), "half profile": ("HL", "HR"), "profile": ("FL", "FR")}
WIDTHS = (10, 14, 20, 28, 60)
ROLLS = (30, 60, 90, 180)


def interval(hits: int, count: int) -> tuple[float, float]:
    """Give Wilson's 95 % interval of a share."""
    z = 1.96
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def share(hits: int, count: int) -> str:
    """Write a share in per cent with its interval."""
    low, high = interval(hits, count)
    return f"{100 * hits / count:.0f} ({100 * low:.0f}-{100 * high:.0f})"


def recall(detect: Detect, examples: Sequence[Example]) -> int:
    """Count the examples whose face was found."""
    return sum(any(example.hit_by(found) for found in detect(example.picture)) for example in examples)


def sets(*, few: bool) -> dict[str, list[Example]]:
    """All pictures with a face, by the name of the column."""
    count = 40 if few else 120
    examples = {"RAF-DB 100 px": material.aligned(count)}
    for name, angles in POSES.items():
        found = [example for angle in angles for example in material.posed(angle, count // (2 * len(angles)))]
        examples[f"KDEF {name}"] = found
    frames = list(material.film_frames(150 if few else 60))
    # The actors sit in the middle; a face is 75 to 115 pixels wide and 110 to 190 high.
    examples["Java-SED films"] = [Example(frame, (180.0, 145.0), 115.0) for frame in frames]
    for width in WIDTHS:
        examples[f"{width} px"] = material.pasted(width)
    for roll in ROLLS:
        examples[f"{roll}°"] = material.pasted(90, roll)
    return examples


def milliseconds(detect: Detect, examples: Sequence[Example]) -> float:
    """Give the median CPU time of this thread for one picture."""
    spent = []
    for example in examples:
        started = time.thread_time()
        detect(example.picture)
        spent.append(time.thread_time() - started)
    return float(np.median(spent)) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--few", action="store_true", help="a third of the pictures")
    few: bool = parser.parse_args().few
    cv2.setNumThreads(1)
    examples, empty = sets(few=few), material.empty_views()
    timed = material.pasted(90)[:20]
    rows = [f"{name} (n={len(found)})" for name, found in examples.items()]
    columns = {"": ["CPU ms a frame", *rows, f"false alarms in {len(empty)} pictures"]}
    for name, detect in candidates().items():
        columns[name] = [
            f"{milliseconds(detect, timed):.1f}",
            *(share(recall(detect, found), len(found)) for found in examples.values()),
            str(sum(len(detect(picture)) for picture in empty)),
        ]
        print(name, *columns[name], sep=" | ", file=sys.stderr, flush=True)
    print("| " + " | ".join(columns) + " |")
    print("|---" * len(columns) + "|")
    for cells in zip(*columns.values(), strict=True):
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
