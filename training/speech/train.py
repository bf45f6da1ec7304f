"""Train the heads of the `default` profile's network: the one that ships and one for each fold.

Each fit is kept as a file and skipped when it is there, so that a stopped run goes on where it was.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from shared.contracts.emotions import EMOTIONS
from training.corpora.speech import FOLDERS, TEST_ONLY
from training.speech.ensemble import Ensemble, Recipe, Voices, train
from training.speech.features import FREE
from training.speech.head import balanced_weights, solve
from training.speech.reduction import Moments, Reduction
from training.speech.table import FOLDS, Table, read_features, read_table

STATISTICS_USED = ("mean", "spread", "max", "min")
SHIP = "ship"
WITHOUT = "without-"

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.bool_]


def fit_names() -> list[str]:
    """Name the fits: the one that ships first, then a fold each."""
    return [SHIP, *(f"fold{k}" for k in range(FOLDS))]


def left_out_names(table: Table) -> list[str]:
    """Name the fits that leave a corpus out whole, one for each that is learned from."""
    names = dict.fromkeys(table.corpus.tolist())
    return [f"{WITHOUT}{name}" for name in names if name not in TEST_ONLY]


def training_rows(table: Table, fit: str) -> Rows:
    """Say which clips a fit may see: never a tested or calibrating speaker, never a test corpus."""
    allowed: Rows = (table.emotion >= 0) & ~np.isin(table.corpus, TEST_ONLY)
    if fit.startswith(WITHOUT):
        return np.asarray(allowed & (table.corpus != fit.removeprefix(WITHOUT)), dtype=np.bool_)
    seen: Rows = ~table.calibration if fit == SHIP else table.fold != int(fit.removeprefix("fold"))
    return allowed & seen


def speakers_of(table: Table, rows: Rows) -> npt.NDArray[np.str_]:
    """Name the speaker of each of these rows, with the corpus."""
    return np.char.add(np.char.add(table.corpus[rows], "/"), table.speaker[rows])


def without_speaker_mean(x: Floats, speakers: npt.NDArray[np.str_]) -> Floats:
    """Take each speaker's own mean off x [clips, directions]."""
    found = x.copy()
    for speaker in np.unique(speakers):
        chosen = speakers == speaker
        found[chosen] -= x[chosen].mean(axis=0)
    return found


def targets_of(labels: npt.NDArray[np.int64], heard: Floats, share: float) -> Floats:
    """What to learn, [clips, classes]: the label, and by `share` what listeners named where they were asked.

    Args:
        labels: of each clip.
        heard: [clips, 7], zeros where nobody was asked.
        share: 0..1.
    """
    targets = np.eye(max(len(EMOTIONS), int(labels.max()) + 1), dtype=np.float32)[labels]
    asked = heard.sum(axis=1) > 0
    targets[asked] *= 1 - share
    targets[asked, : len(EMOTIONS)] += share * heard[asked]
    return targets


def learn_head(
    table: Table, rows: Rows, labels: npt.NDArray[np.int64], copies: Sequence[Floats], *, recipe: Recipe
) -> Ensemble:
    """Train the ensemble on these rows of the table.

    Args:
        table: of all clips; `labels` are theirs.
        rows: which clips are learned from.
        labels: seven emotions, or more classes.
        copies: the directions of these rows, once for each copy.
        recipe: how.
    """
    x, known = np.concatenate(copies), np.tile(labels[rows], len(copies))
    corpus = np.tile(table.corpus[rows], len(copies))
    voices = Voices.of(x, known, corpus, np.tile(table.speaker[rows], len(copies)))
    targets = targets_of(labels[rows], table.heard[rows], recipe.heard)
    weights = balanced_weights(corpus, known)
    return train(x, np.tile(targets, (len(copies), 1)), weights, recipe=recipe, voices=voices)


def fit_one(
    table: Table,
    features: dict[str, npt.NDArray[np.float16]],
    fit: str,
    recipe: Recipe,
    *,
    free: Moments | None = None,
) -> dict[str, npt.NDArray[np.generic]]:
    """Solve one fit: directions, ensemble, and the linear head for voices without their own mean."""
    rows = training_rows(table, fit)
    reduction = find_directions(Moments.of(features["plain"][rows]), free)
    reduced = {copy: reduction.apply(values) for copy, values in features.items()}
    ensemble = learn_head(
        table, rows, table.emotion, [values[rows] for values in reduced.values()], recipe=recipe
    )
    voice, voice_bias = solve(
        without_speaker_mean(reduced["plain"][rows], speakers_of(table, rows)),
        table.emotion[rows],
        allowed=np.ones((int(rows.sum()), 7), dtype=np.bool_),
        weights=balanced_weights(table.corpus[rows], table.emotion[rows]),
        strength=10.0,
        iterations=60,
    )
    return {
        "means": np.stack(reduction.means),
        "bases": np.stack(reduction.bases),
        "first": ensemble.first,
        "first_bias": ensemble.first_bias,
        "second": ensemble.second,
        "second_bias": ensemble.second_bias,
        "voice": voice,
        "voice_bias": voice_bias,
        "logits": ensemble.logits(reduced["plain"]),
        "logits_altered": ensemble.logits(reduced["altered"]) if "altered" in reduced else np.zeros((0, 7)),
        "voice_values": reduced["plain"] @ voice,
    }


def find_directions(labelled: Moments, free: Moments | None) -> Reduction:
    """Find the directions of clips to learn from and, weighing as much as they, of speech without labels."""
    return (labelled if free is None else labelled + free.weighing(labelled.count)).reduction()


def read_free(features: Path, *, wanted: bool) -> Moments | None:
    """Read speech without labels, where it is wanted.

    Raises:
        FileNotFoundError: `training.speech.features --free` did not write it.
    """
    if not wanted:
        return None
    return Moments.of(read_features(features, copy="plain", names=[FREE], wanted=STATISTICS_USED))


def load_reduction(stored: dict[str, npt.NDArray[np.generic]]) -> Reduction:
    """Read the directions out of a fit."""
    return Reduction(
        tuple(np.asarray(stored["means"], dtype=np.float32)),
        tuple(np.asarray(stored["bases"], dtype=np.float32)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True, help="folder with speech/ and extra/")
    parser.add_argument(
        "--only", nargs="+", choices=FOLDERS, default=list(FOLDERS), help="corpora to learn from"
    )
    parser.add_argument(
        "--features", type=Path, required=True, help="folder that training.speech.features wrote"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the fits")
    parser.add_argument("--copies", nargs="+", default=["plain", "altered", "served"])
    parser.add_argument(
        "--free", action="store_true", help="find directions in speech without labels too (see features)"
    )
    parser.add_argument("--fits", nargs="+", choices=fit_names(), default=fit_names())
    parser.add_argument("--seeds", type=int, default=Recipe().seeds)
    parser.add_argument("--epochs", type=int, default=Recipe().epochs)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = read_table(arguments.corpora, arguments.only)
    features = {
        copy: read_features(arguments.features, copy=copy, names=arguments.only, wanted=STATISTICS_USED)
        for copy in arguments.copies
    }
    free = read_free(arguments.features, wanted=arguments.free)
    recipe = Recipe(seeds=arguments.seeds, epochs=arguments.epochs)
    for fit in arguments.fits:
        target = arguments.out / f"{fit}.npz"
        if target.exists():
            continue
        started = time.monotonic()
        found = fit_one(table, features, fit, recipe, free=free)
        unfinished = target.with_suffix(".part.npz")
        np.savez(unfinished, allow_pickle=False, **found)
        unfinished.rename(target)
        print(f"{fit}: {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
