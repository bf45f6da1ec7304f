"""Measure the `default` network's fits on speakers whom nothing in them heard.

Sets its temperature. Writes `figures.json` (for manifest and card) and, for whoever fuses face and voice,
`oof_javased.npz` and `oof_ravdess.npz`: logits of the fit that never heard the speaker.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from shared.inference import calibrated
from training.corpora.speech import FOLDERS, TEST_ONLY
from training.speech.gate import SPEECH_FROM
from training.speech.table import FOLDS, Table, heard_by_encoder, read_table
from training.speech.train import SHIP

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval, per cent; the interval draws whole speakers anew."""

    what: str
    value: float
    n: int
    low: float
    high: float


def fit_temperature(logits: Floats, labels: npt.NDArray[np.int64], weights: Floats | None = None) -> float:
    """Find the temperature with the least cross-entropy."""
    weights = np.ones(len(labels)) if weights is None else weights

    def loss(log_temperature: float) -> float:
        p = calibrated(logits, float(np.exp(log_temperature)))
        return float(np.average(-np.log(p[np.arange(len(labels)), labels] + 1e-12), weights=weights))

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.5), method="bounded").x))


def expected_calibration_error(probabilities: Floats, labels: npt.NDArray[np.int64], bins: int = 15) -> float:
    """Mean distance of confidence and accuracy over 15 bins of confidence (Naeini et al. 2015)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(right[place == b].sum() - confidence[place == b].sum()) for b in range(bins)]
    return float(np.sum(gaps) / len(labels))


def threshold_for(probabilities: Floats, labels: npt.NDArray[np.int64], wanted: float = 0.9) -> float:
    """The lowest confidence above which at least `wanted` of the judgements are right.

    Where there is none: the one above which most are right, of those that a tenth of the clips pass.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    best, best_share = 0.99, 0.0
    for threshold in np.arange(0.2, 0.99, 0.01):
        above = confidence >= threshold
        if above.sum() < 0.1 * len(labels):
            break
        share = float(right[above].mean())
        if share >= wanted:
            return round(float(threshold), 2)
        if share > best_share:
            best, best_share = round(float(threshold), 2), share
    return best


def measure(what: str, right: npt.NDArray[np.bool_], speakers: npt.NDArray[np.str_]) -> Measured:
    """Accuracy with an interval from 2,000 draws of speakers."""
    names, place = np.unique(speakers, return_inverse=True)
    hits = np.bincount(place, weights=right)
    counts = np.bincount(place)
    draws = np.random.default_rng(0).integers(0, len(names), (2000, len(names)))
    drawn = hits[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Measured(
        what, round(100 * float(right.mean()), 1), len(right), round(100 * low, 1), round(100 * high, 1)
    )


def out_of_fold(fits: Path, table: Table, key: str = "logits", *, adapted: bool = False) -> Floats:
    """Logits of every clip from the fit that never heard its speaker (test corpora: from the first).

    NaN where that fit was not made, and where an adapted encoder heard the speaker.
    """
    found = np.full((len(table), 7), np.nan)
    for k in range(FOLDS):
        if not (fits / f"fold{k}.npz").exists():
            continue
        with np.load(fits / f"fold{k}.npz") as stored:
            rows = (table.fold == k) & ~np.isin(table.corpus, TEST_ONLY)
            if k == 0:
                rows |= np.isin(table.corpus, TEST_ONLY)
            found[rows] = _of_every_clip(stored, key, len(table))[rows]
    if adapted:
        found[heard_by_encoder(table)] = np.nan
    return found


def _of_every_clip(stored: Mapping[str, npt.NDArray[np.generic]], key: str, clips: int) -> Floats:
    """Spread what a fit keeps of some clips only (`rows`) over all of them, NaN between."""
    values = np.asarray(stored[key], dtype=np.float32)
    if "rows" not in stored:
        return values
    spread = np.full((clips, values.shape[1]), np.nan, dtype=np.float32)
    spread[stored["rows"]] = values
    return spread


def corpus_figures(table: Table, logits: Floats, *, how: str) -> list[Measured]:
    """Accuracy over seven classes for each corpus."""
    found = []
    measurable = (table.emotion >= 0) & ~np.isnan(logits[:, 0])
    for name in dict.fromkeys(table.corpus[measurable].tolist()):
        rows = measurable & (table.corpus == name)
        right = logits[rows].argmax(axis=1) == table.emotion[rows]
        held = "never heard" if name in TEST_ONLY else "unseen speakers"
        found.append(measure(f"{name}, {held}, {how}, accuracy, 7 classes", right, table.speaker[rows]))
    return found


def centred_logits(fits: Path, table: Table, *, adapted: bool) -> Floats:
    """What `voice` gives for unseen speakers when the mean over all clips of the speaker is taken off."""
    found = out_of_fold(fits, table, "voice_values", adapted=adapted)
    for name in np.unique(table.corpus):
        for speaker in np.unique(table.speaker[table.corpus == name]):
            rows = (table.corpus == name) & (table.speaker == speaker)
            found[rows] -= found[rows].mean(axis=0)
    return found


def write_out_of_fold(table: Table, logits: Floats, voice: Floats, folder: Path) -> None:
    """Write what the fusion is learned from: films' voices, and all voices for what is usual for one."""
    known = ~np.isnan(logits[:, 0])
    for name, wanted in (
        ("javased", table.corpus == "javased"),
        ("ravdess", table.corpus == "ravdess"),
        ("voices", np.ones(len(table), dtype=np.bool_)),
    ):
        rows = wanted & known
        np.savez(
            folder / f"oof_{name}.npz",
            corpus=table.corpus[rows],
            name=table.name[rows],
            speaker=table.speaker[rows],
            logits=logits[rows].astype(np.float32),
            voice=voice[rows].astype(np.float32),
            label=table.emotion[rows],
            label_name=table.label[rows],
        )


def read_figures(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Read the figures that other steps wrote."""
    return [figure for path in paths for figure in json.loads(path.read_text())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=FOLDERS, default=list(FOLDERS))
    parser.add_argument("--fits", type=Path, required=True, help="folder that training.speech.train wrote")
    parser.add_argument(
        "--also", type=Path, nargs="*", default=[], help="figures that other steps wrote (JSON)"
    )
    parser.add_argument(
        "--adapted", action="store_true", help="the encoder went through training.speech.adapt"
    )
    parser.add_argument("--tried", type=Path, help="text for the card: what was tried and what it gave")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    table = read_table(arguments.corpora, arguments.only)
    adapted = arguments.adapted
    logits = out_of_fold(arguments.fits, table, adapted=adapted)
    voice = out_of_fold(arguments.fits, table, "voice_values", adapted=adapted)
    write_out_of_fold(table, logits, voice, arguments.out)
    figures = corpus_figures(table, logits, how="clean")
    figures += corpus_figures(
        table,
        out_of_fold(arguments.fits, table, "logits_altered", adapted=adapted),
        how="noise 5-30 dB, rooms, telephone, speed",
    )
    centred = corpus_figures(
        table, centred_logits(arguments.fits, table, adapted=adapted), how="own mean taken off"
    )
    # A speaker with one label only has no mean to take off.
    figures += [figure for figure in centred if not figure.what.startswith(TEST_ONLY)]
    with np.load(arguments.fits / f"{SHIP}.npz") as stored:
        rows = table.calibration & (table.emotion >= 0)
        shipped = stored["logits"][rows]
    temperature = fit_temperature(shipped, table.emotion[rows])
    known = (
        ~np.isnan(logits[:, 0])
        & (table.emotion >= 0)
        & ~table.calibration
        & ~np.isin(table.corpus, TEST_ONLY)
    )
    p = calibrated(logits[known], temperature)
    threshold = threshold_for(calibrated(shipped, temperature), table.emotion[rows])
    above = p.max(axis=1) >= threshold
    right = p.argmax(axis=1) == table.emotion[known]
    summary = {
        "temperature": temperature,
        "uncertain_below": threshold,
        "calibration_clips": int(rows.sum()),
        "calibration_error": expected_calibration_error(p, table.emotion[known]),
        "certain_share": float(above.mean()),
        "certain_right": float(right[above].mean()),
        "speech_from": SPEECH_FROM,
        "figures": [asdict(figure) for figure in figures] + read_figures(arguments.also),
        "adapted": arguments.adapted,
        "tried": arguments.tried.read_text() if arguments.tried else "",
    }
    (arguments.out / "figures.json").write_text(json.dumps(summary, indent=1))
    for figure in figures:
        print(f"{figure.what}: {figure.value} ({figure.low}-{figure.high}), n {figure.n}")
    print({key: value for key, value in summary.items() if key != "figures"})


if __name__ == "__main__":
    main()
