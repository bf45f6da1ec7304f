"""Set the temperature of the `paper` network and measure it on speakers and corpora that it never heard.

Half of the calibrating speakers set temperature and threshold, the other half measures them. Corpora left out
whole are measured where there are such fits (`training.speech.paper --left-out`).
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared.contracts.emotions import EMOTIONS
from shared.inference import calibrated
from training.corpora.speech import TEST_ONLY, add_only
from training.measures import calibration_error
from training.speech.evaluate import Measured, Sureness, alike, left_out_figures, measure, read_figures
from training.speech.gate import SPEECH_FROM
from training.speech.kept import check_corpora
from training.speech.table import CALIBRATION, Table, read_table
from training.speech.train import SHIP, WITHOUT, left_out_names


def of_left_out(fits: Path, table: Table) -> npt.NDArray[np.float32]:
    """Logits [clips, 7] of each clip by the fit that never heard its corpus; NaN where there is none."""
    found = np.full((len(table), len(EMOTIONS)), np.nan, dtype=np.float32)
    for fit in left_out_names(table):
        path = fits / f"{fit}.npz"
        if path.exists():
            with np.load(path) as stored:
                rows = stored["rows"]
                mine = table.corpus[rows] == fit.removeprefix(WITHOUT)
                found[rows[mine]] = stored["logits"][mine]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpora", type=Path, required=True)
    add_only(parser)
    parser.add_argument("--fits", type=Path, required=True, help="folder that training.speech.paper wrote")
    parser.add_argument(
        "--also", type=Path, nargs="*", default=[], help="figures that other steps wrote (JSON)"
    )
    parser.add_argument("--tried", type=Path, help="text for the card")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    check_corpora(arguments.fits / f"{SHIP}.npz", arguments.only)
    table = read_table(arguments.corpora, arguments.only)
    with np.load(arguments.fits / f"{SHIP}.npz") as stored:
        logits = stored["logits"]
    known = table.emotion >= 0
    people = np.char.add(np.char.add(table.corpus, "/"), table.speaker)
    calibrating = np.unique(people[table.calibration & known])
    if not len(calibrating):
        parser.error(f"no speakers to calibrate on: add one of {', '.join(CALIBRATION)} to --only")
    sets = table.calibration & known & np.isin(people, calibrating[::2])
    measures = table.calibration & known & ~sets
    sureness = Sureness.of(logits[sets], table.emotion[sets], alike(table.corpus[sets]))
    temperature, threshold = sureness.temperature, sureness.threshold
    p = calibrated(logits[measures], temperature).astype(np.float64)
    right = p.argmax(axis=1) == table.emotion[measures]
    above = p.max(axis=1) >= threshold
    figures: list[Measured] = []
    for name in dict.fromkeys(table.corpus.tolist()):
        rows = (table.corpus == name) & known & (table.calibration | np.isin(table.corpus, TEST_ONLY))
        if rows.any():
            held = "never heard" if name in TEST_ONLY else "calibrating speakers"
            hits = logits[rows].argmax(axis=1) == table.emotion[rows]
            figures.append(measure(f"{name}, {held}, clean, accuracy, 7 classes", hits, table.speaker[rows]))
    figures += left_out_figures(table, of_left_out(arguments.fits, table))
    summary = {
        "temperature": temperature,
        "uncertain_below": threshold,
        "calibration_clips": int(sets.sum()),
        "calibration_error": calibration_error(p, table.emotion[measures]),
        "certain_share": float(above.mean()),
        "certain_right": float(right[above].mean()) if above.any() else 0.0,
        "speech_from": SPEECH_FROM,
        "figures": [asdict(figure) for figure in figures] + read_figures(arguments.also),
        "tried": arguments.tried.read_text() if arguments.tried else "",
    }
    arguments.out.write_text(json.dumps(summary, indent=1))
    for figure in figures:
        print(figure)
    print({key: value for key, value in summary.items() if key not in {"figures", "tried"}})


if __name__ == "__main__":
    main()
