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

from shared.contracts.emotions import EMOTIONS
from shared.inference import calibrated
from training.corpora.speech import TEST_ONLY, add_only
from training.measures import by_person_if_known, calibration_error, fit_temperature
from training.speech.gate import SPEECH_FROM
from training.speech.kept import check_corpora
from training.speech.table import CALIBRATION, FOLDS, Table, read_table
from training.speech.train import SHIP, speakers_of

Floats = npt.NDArray[np.floating]
# Where some sentences stand beside one emotion only and give it away: how the others' names begin or end.
SAME_WORDS = {"ased": ("-01", "-02"), "korean": ("plain",)}

# The weight of corpora that were left out whole in temperature and threshold. With logits softened by
# distance half costs nothing at home.
ELSEWHERE = 0.5


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval (none of a calibration error), per cent."""

    what: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        interval = "" if self.low is None else f" ({self.low}-{self.high})"
        return f"{self.what}: {self.value}{interval}, n {self.n}"


def alike(corpus: npt.NDArray[np.str_]) -> npt.NDArray[np.float64]:
    """Weigh clips so that all corpora weigh the same; mean 1."""
    _, place, count = np.unique(corpus, return_inverse=True, return_counts=True)
    weights = 1 / count[place]
    return np.asarray(weights / weights.mean(), dtype=np.float64)


def threshold_for(
    probabilities: Floats, labels: npt.NDArray[np.int64], weights: Floats, *, wanted: float = 0.9
) -> float:
    """The lowest confidence above which at least `wanted` of the judgements are right.

    Where there is none: the one above which most are right, of those that a tenth of the clips pass. Clips
    count by their weights, of mean 1.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    best, best_share = 0.99, 0.0
    for threshold in np.arange(0.2, 0.99, 0.01):
        above = confidence >= threshold
        if weights[above].sum() < 0.1 * weights.sum():
            break
        share = float(np.average(right[above], weights=weights[above]))
        if share >= wanted:
            return round(float(threshold), 2)
        if share > best_share:
            best, best_share = round(float(threshold), 2), share
    return best


def measure(what: str, right: npt.NDArray[np.bool_], speakers: npt.NDArray[np.str_]) -> Measured:
    """Accuracy with an interval that draws speakers anew.

    Wilson's, of the clips, where there is nothing to draw: one speaker only, or every clip alike.
    """
    share = by_person_if_known(right, speakers)
    value, low, high = (round(100 * part, 1) for part in (share.value, share.low, share.high))
    return Measured(what, value, len(right), low, high)


def left_out_figures(table: Table, logits: Floats) -> list[Measured]:
    """Accuracy on each corpus by a network that learned from all others, and the mean of the corpora.

    Logits [clips, 7]; NaN where there is no such network.
    """
    measurable = (table.emotion >= 0) & ~np.isnan(logits[:, 0])
    found = []
    for name in dict.fromkeys(table.corpus[measurable].tolist()):
        rows = measurable & (table.corpus == name)
        right = logits[rows].argmax(axis=1) == table.emotion[rows]
        found.append(measure(f"{name}, corpus never heard, accuracy, 7 classes", right, table.speaker[rows]))
    if found:
        mean = round(float(np.mean([figure.value for figure in found])), 1)
        what = f"mean of {len(found)} corpora, each never heard, accuracy, 7 classes"
        found.append(Measured(what, mean, int(measurable.sum())))
    return found


def out_of_fold(fits: Path, table: Table, key: str = "logits") -> Floats:
    """Logits of every clip from the fit that never heard its speaker (test corpora: from the first).

    NaN where that fit was not made.
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


def same_words(table: Table) -> npt.NDArray[np.bool_]:
    """Say which clips have words that their corpus has in every emotion, of corpora where some have not."""
    found = np.zeros(len(table), dtype=np.bool_)
    for name, parts in SAME_WORDS.items():
        spoken = [text.startswith(parts) or text.endswith(parts) for text in table.text.tolist()]
        found |= (table.corpus == name) & np.array(spoken)
    return found


def listeners_figure(table: Table, logits: Floats) -> Measured:
    """How often the network names what most listeners heard, where one emotion had the most votes."""
    votes = np.sort(table.heard, axis=1)
    clear = (votes[:, -1] > votes[:, -2]) & ~np.isnan(logits[:, 0])
    right = logits[clear].argmax(axis=1) == table.heard[clear].argmax(axis=1)
    corpora = ", ".join(np.unique(table.corpus[clear]))
    return measure(
        f"{corpora}, unseen speakers, clean, names what most listeners heard", right, table.speaker[clear]
    )


@dataclass(frozen=True)
class Sureness:
    """How sure the network may be: its temperature, and the confidence from which it is certain."""

    temperature: float
    threshold: float

    @classmethod
    def of(
        cls,
        logits: Floats,
        labels: npt.NDArray[np.int64],
        weights: npt.NDArray[np.float64],
    ) -> "Sureness":
        """Set both on clips [n, 7] of people whom these logits' networks never heard."""
        temperature = fit_temperature(logits, labels, weights)
        scores = calibrated(logits, temperature)
        return cls(temperature, threshold_for(scores, labels, weights))

    def figures(self, what: str, table: Table, logits: Floats, rows: npt.NDArray[np.bool_]) -> list[Measured]:
        """Calibration error, and the share that is certain; where anything is, how much of it is right."""
        scores, labels, speakers = (
            calibrated(logits[rows], self.temperature),
            table.emotion[rows],
            speakers_of(table, rows),
        )
        above = scores.max(axis=1) >= self.threshold
        right = scores.argmax(axis=1) == labels
        error = round(100 * calibration_error(scores.astype(np.float64), labels), 1)
        found = [
            Measured(f"{what}, calibration error (15 bins)", error, len(labels)),
            measure(f"{what}, above the threshold", above, speakers),
        ]
        if above.any():
            found.append(measure(f"{what}, right above the threshold", right[above], speakers[above]))
        return found


def centred_logits(fits: Path, table: Table) -> Floats:
    """What `voice` gives for unseen speakers when the mean over all clips of the speaker is taken off."""
    found = out_of_fold(fits, table, "voice_values")
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


def read_left_out(path: Path | None, table: Table) -> Floats:
    """Logits of each clip by a network that never heard its corpus; NaN where there are none."""
    found = np.full((len(table), len(EMOTIONS)), np.nan)
    if path is not None:
        with np.load(path) as stored:
            rows = {key: i for i, key in enumerate(zip(stored["corpus"], stored["name"], strict=True))}
            for i, key in enumerate(zip(table.corpus, table.name, strict=True)):
                if key in rows:
                    found[i] = stored["logits"][rows[key]]
    return found


def set_sureness(table: Table, shipped: Floats, elsewhere: Floats) -> tuple[Sureness, int, list[str]]:
    """Set temperature and threshold; gives the number of clips too, and on which parts: home, elsewhere.

    A part of the weight is on speakers that the network which ships never heard, though others of their
    corpora; ELSEWHERE on corpora that were left out whole (`elsewhere`), for most sounds of users come from
    nowhere that it knows. In both parts all corpora weigh the same.

    Raises:
        ValueError: there is neither: these corpora have no speakers who calibrate.
    """
    parts, names = [], []
    for name, logits, rows, share in (
        ("home", shipped, table.calibration & (table.emotion >= 0), 1 - ELSEWHERE),
        ("elsewhere", elsewhere, (table.emotion >= 0) & ~np.isnan(elsewhere[:, 0]), ELSEWHERE),
    ):
        if rows.any():
            names.append(name)
            weights = share * alike(table.corpus[rows]) / rows.sum()
            parts.append((logits[rows], table.emotion[rows], weights))
    if not parts:
        raise ValueError(
            f"no speakers to calibrate on: add one of {', '.join(CALIBRATION)} to --only, or give --left-out"
        )
    logits, labels, weights = (np.concatenate(several) for several in zip(*parts, strict=True))
    return Sureness.of(logits, labels, weights), len(labels), names


def read_figures(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Read the figures that other steps wrote."""
    return [figure for path in paths for figure in json.loads(path.read_text())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True)
    add_only(parser)
    parser.add_argument("--fits", type=Path, required=True, help="folder that training.speech.train wrote")
    parser.add_argument(
        "--also", type=Path, nargs="*", default=[], help="figures that other steps wrote (JSON)"
    )
    parser.add_argument(
        "--left-out", type=Path, help="logits of `training.speech.evaluate_research left_out` (npz)"
    )
    parser.add_argument("--tried", type=Path, help="text for the card: what was tried and what it gave")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    check_corpora(arguments.fits / f"{SHIP}.npz", arguments.only)
    table = read_table(arguments.corpora, arguments.only)
    logits = out_of_fold(arguments.fits, table)
    voice = out_of_fold(arguments.fits, table, "voice_values")
    write_out_of_fold(table, logits, voice, arguments.out)
    figures = corpus_figures(table, logits, how="clean")
    if (alike_words := np.where(same_words(table)[:, None], logits, np.nan)).any():
        figures += corpus_figures(table, alike_words, how="words that every emotion has")
    if table.heard.any():
        figures.append(listeners_figure(table, logits))
    figures += corpus_figures(
        table,
        out_of_fold(arguments.fits, table, "logits_altered"),
        how="noise 5-30 dB, rooms, telephone, speed",
    )
    centred = corpus_figures(table, centred_logits(arguments.fits, table), how="own mean taken off")
    # A speaker with one label only has no mean to take off.
    figures += [figure for figure in centred if not figure.what.startswith(TEST_ONLY)]
    with np.load(arguments.fits / f"{SHIP}.npz") as stored:
        shipped = stored["logits"]
    elsewhere = read_left_out(arguments.left_out, table)
    sureness, clips, calibrated_on = set_sureness(table, shipped, elsewhere)
    known = (table.emotion >= 0) & ~table.calibration & ~np.isin(table.corpus, TEST_ONLY)
    figures += sureness.figures("unseen speakers", table, logits, known & ~np.isnan(logits[:, 0]))
    if arguments.left_out is not None:
        figures += sureness.figures("corpora never heard", table, elsewhere, ~np.isnan(elsewhere[:, 0]))
    for name in np.unique(table.corpus[np.isin(table.corpus, TEST_ONLY)]):
        rows = (table.corpus == name) & (table.emotion >= 0)
        figures += sureness.figures(f"{name}, never heard", table, shipped, rows)
    summary = {
        "temperature": sureness.temperature,
        "uncertain_below": sureness.threshold,
        "calibration_clips": clips,
        "calibrated_on": calibrated_on,
        "speech_from": SPEECH_FROM,
        "figures": [asdict(figure) for figure in figures] + read_figures(arguments.also),
        "tried": arguments.tried.read_text() if arguments.tried else "",
    }
    (arguments.out / "figures.json").write_text(json.dumps(summary, indent=1))
    for figure in figures:
        print(figure)
    print({key: value for key, value in summary.items() if key != "figures"})


if __name__ == "__main__":
    main()
