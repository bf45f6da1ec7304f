"""Train the heads of the `default` profile's network: the one that ships and one for each fold.

Each fit is kept as a file and skipped when it is there, so that a stopped run goes on where it was.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from shared.contracts.emotions import EMOTIONS
from training.corpora.speech import FOLDERS, TEST_ONLY, add_only
from training.speech.ensemble import Ensemble, Recipe, Voices, train
from training.speech.familiarity import Familiarity
from training.speech.features import FREE
from training.speech.head import balanced_weights, solve
from training.speech.kept import is_kept, way_of
from training.speech.reduction import Moments, Reduction
from training.speech.table import FOLDS, Table, read_features, read_table
from training.whole_files import written_whole

STATISTICS_USED = ("mean", "spread", "max", "min")
SHIP = "ship"
WITHOUT = "without-"

Floats = npt.NDArray[np.float32]
Features = npt.NDArray[np.float16]
Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Reader:
    """How an encoder is used: directions kept of each of its maps, and its share in the sum of logits."""

    strongest: int
    share: float


# Whisper-base, and a network that tells speakers apart: two encoders that err differently. The first also
# serves for `voice`, `speech` and what is familiar.
BASE, SPEAKER = "base", "speaker"
READERS = {BASE: Reader(256, 0.6), SPEAKER: Reader(128, 0.4)}


@dataclass(frozen=True)
class Material:
    """What is learned from: features by encoder and copy, and moments of speech without labels by encoder."""

    features: Mapping[str, Mapping[str, Features]]
    free: Mapping[str, Moments]

    def copy(self, name: str) -> dict[str, Features]:
        """One copy of all clips, by encoder; empty where it was not read."""
        return {encoder: copies[name] for encoder, copies in self.features.items() if name in copies}


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


@dataclass(frozen=True)
class Learned:
    """What a fit learned: of each encoder directions and ensemble, and which clips are familiar.

    Features are given by encoder, [clips, maps * statistics * width] each.
    """

    reductions: dict[str, Reduction]
    ensembles: dict[str, Ensemble]
    familiarity: Familiarity

    def logits(self, features: Mapping[str, Features]) -> Floats:
        """[clips, classes]: the ensembles' logits summed by their shares, softened where unfamiliar."""
        x = {name: reduction.apply(features[name]) for name, reduction in self.reductions.items()}
        summed = sum(READERS[name].share * one.logits(x[name]) for name, one in self.ensembles.items())
        return self.familiarity.softened(np.asarray(summed, dtype=np.float32), x[BASE])

    def tables(self) -> dict[str, Floats]:
        """All that the network needs, by name: what is of an encoder begins with the encoder's name."""
        found = {"axes": self.familiarity.axes, "centres": self.familiarity.centres}
        for name, reduction in self.reductions.items():
            ensemble = self.ensembles[name]
            found |= {
                f"{name}_means": np.stack(reduction.means),
                f"{name}_bases": np.stack(reduction.bases),
                f"{name}_first": ensemble.first,
                f"{name}_first_bias": ensemble.first_bias,
                f"{name}_second": ensemble.second,
                f"{name}_second_bias": ensemble.second_bias,
            }
        return found


def learn(
    table: Table,
    material: Material,
    rows: Rows,
    labels: npt.NDArray[np.int64],
    recipe: Recipe,
) -> Learned:
    """Learn from these rows of the table; `labels` of all its clips are seven emotions, or more classes."""
    reductions, ensembles, seen = {}, {}, {}
    for name, reader in READERS.items():
        features = material.features[name]
        free = material.free.get(name)
        reduction = find_directions(Moments.of(features["plain"][rows]), free, reader.strongest)
        seen[name] = [reduction.apply(values[rows]) for values in features.values()]
        ensembles[name] = learn_head(table, rows, labels, seen[name], recipe=recipe)
        reductions[name] = reduction
    return Learned(reductions, ensembles, Familiarity.of(seen[BASE], labels[rows], table.corpus[rows]))


def fit_one(table: Table, material: Material, fit: str, recipe: Recipe) -> dict[str, npt.NDArray[np.generic]]:
    """Solve one fit; gives its tables, the linear head for voices without their own mean, and all logits."""
    rows = training_rows(table, fit)
    learned = learn(table, material, rows, table.emotion, recipe)
    plain = learned.reductions[BASE].apply(material.features[BASE]["plain"])
    voice, voice_bias = solve(
        without_speaker_mean(plain[rows], speakers_of(table, rows)),
        table.emotion[rows],
        allowed=np.ones((int(rows.sum()), 7), dtype=np.bool_),
        weights=balanced_weights(table.corpus[rows], table.emotion[rows]),
        strength=10.0,
        iterations=60,
    )
    altered = material.copy("altered")
    return {
        **learned.tables(),
        "voice": voice,
        "voice_bias": voice_bias,
        "logits": learned.logits(material.copy("plain")),
        "logits_altered": learned.logits(altered) if altered else np.zeros((0, 7)),
        "voice_values": plain @ voice,
    }


def find_directions(labelled: Moments, free: Moments | None, strongest: int) -> Reduction:
    """Find the directions of clips to learn from and, weighing as much as they, of speech without labels."""
    both = labelled if free is None else labelled + free.weighing(labelled.count)
    return both.reduction(strongest)


def read_material(
    folder: Path, *, copies: Sequence[str], names: Sequence[str] = tuple(FOLDERS), free: bool
) -> Material:
    """Read the features of these corpora, one folder for each encoder.

    Args:
        folder: of `training.speech.features`, with a folder for each of READERS.
        copies: which copies of each clip.
        names: of the corpora.
        free: whether to read speech without labels too.

    Raises:
        FileNotFoundError: `training.speech.features` did not write it.
    """
    features = {
        name: {c: read_features(folder / name, copy=c, names=names, wanted=STATISTICS_USED) for c in copies}
        for name in READERS
    }
    moments = {
        name: Moments.of(read_features(folder / name, copy="plain", names=[FREE], wanted=STATISTICS_USED))
        for name in READERS
        if free
    }
    return Material(features, moments)


def load_reduction(stored: Mapping[str, npt.NDArray[np.generic]]) -> Reduction:
    """Read the directions of the first encoder out of a fit."""
    return Reduction(
        tuple(np.asarray(stored[f"{BASE}_means"], dtype=np.float32)),
        tuple(np.asarray(stored[f"{BASE}_bases"], dtype=np.float32)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True, help="folder with speech/ and extra/")
    add_only(parser, "corpora to learn from")
    parser.add_argument(
        "--features", type=Path, required=True, help="folder with one of features for each encoder"
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
    material = read_material(
        arguments.features, copies=arguments.copies, names=arguments.only, free=arguments.free
    )
    recipe = Recipe(seeds=arguments.seeds, epochs=arguments.epochs)
    way = way_of(
        only=arguments.only,
        copies=arguments.copies,
        free=arguments.free,
        seeds=recipe.seeds,
        epochs=recipe.epochs,
    )
    for fit in arguments.fits:
        target = arguments.out / f"{fit}.npz"
        if is_kept(target, way):
            continue
        started = time.monotonic()
        found = fit_one(table, material, fit, recipe)
        with written_whole(target) as unfinished:
            np.savez(unfinished, allow_pickle=False, way=way, **found)
        print(f"{fit}: {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
