"""Figures not of the network that ships: RAVDESS with eight classes, and corpora that were never heard.

`ravdess`: directions and an ensemble learned on RAVDESS alone, five folds by actor, 8 classes and 7.
`left_out`: for each corpus, directions and an ensemble learned on all others.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from shared.contracts.emotions import EMOTIONS
from training.corpora.speech import TEST_ONLY, add_only
from training.speech.ensemble import Recipe
from training.speech.evaluate import Measured, left_out_figures, measure, read_left_out
from training.speech.kept import is_kept, way_of
from training.speech.table import read_table
from training.speech.train import learn, read_material
from training.whole_files import written_whole

EIGHT = 8


def measure_ravdess(
    corpora: Path, folder: Path, copies: list[str], recipe: Recipe, *, keep: Path | None = None
) -> list[Measured]:
    """Five folds by actor on RAVDESS alone; the held-out logits of eight classes go to the file `keep`."""
    table = read_table(corpora, ["ravdess"])
    material = read_material(folder, copies=copies, names=["ravdess"], free=False)
    eight = np.unique(table.label, return_inverse=True)[1].astype(np.int64)
    found = []
    for classes, labels in ((EIGHT, eight), (len(EMOTIONS), table.emotion)):
        held_out = np.zeros((len(table), classes), dtype=np.float32)
        for k in np.unique(table.fold):
            rows = table.fold != k
            learned = learn(table, material, rows, labels, recipe)
            held_out[~rows] = learned.logits(material.copy("plain"))[~rows]
        right = held_out.argmax(axis=1) == labels
        if classes == EIGHT and keep is not None:
            np.savez(keep, name=table.name, label=np.unique(table.label), logits=held_out)
        found.append(
            measure(f"ravdess alone, 5 folds by actor, accuracy, {classes} classes", right, table.speaker)
        )
    return found


def measure_left_out(
    corpora: Path,
    folder: Path,
    copies: list[str],
    recipe: Recipe,
    *,
    only: Sequence[str],
    keep: Path | None,
    free: bool,
) -> list[Measured]:
    """Each corpus by a network that learned from the others; their logits go to the file `keep`.

    What the file has already is not made again.

    Raises:
        ValueError: the file is there, of networks that learned in another way.
    """
    way = way_of(only=list(only), copies=copies, free=free, seeds=recipe.seeds, epochs=recipe.epochs)
    begun = keep if keep is not None and is_kept(keep, way) else None
    table = read_table(corpora, only)
    material = read_material(folder, copies=copies, names=only, free=free)
    kept = read_left_out(begun, table).astype(np.float32)
    known = (table.emotion >= 0) & ~np.isin(table.corpus, TEST_ONLY)
    for name in dict.fromkeys(table.corpus[known].tolist()):
        tested = known & (table.corpus == name)
        if not np.isnan(kept[tested]).any():
            continue
        learned = learn(table, material, known & (table.corpus != name), table.emotion, recipe)
        kept[tested] = learned.logits(material.copy("plain"))[tested]
        if keep is not None:
            rows = ~np.isnan(kept[:, 0])
            with written_whole(keep) as unfinished:
                np.savez(
                    unfinished,
                    way=way,
                    corpus=table.corpus[rows],
                    name=table.name[rows],
                    logits=kept[rows],
                )
        print(f"{name}: done", flush=True)
    return left_out_figures(table, kept)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("ravdess", "left_out"))
    parser.add_argument("--corpora", type=Path, required=True)
    add_only(parser, "corpora of `left_out`")
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--copies", nargs="+", default=["plain", "altered", "served"])
    parser.add_argument("--free", action="store_true", help="of `left_out`: as of training.speech.train")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--logits", type=Path, help="where the logits of whom no fit heard go (npz)")
    parser.add_argument("--seeds", type=int, default=Recipe().seeds)
    parser.add_argument("--epochs", type=int, default=Recipe().epochs)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recipe = Recipe(seeds=arguments.seeds, epochs=arguments.epochs)
    given = (arguments.corpora, arguments.features, arguments.copies, recipe)
    if arguments.what == "ravdess":
        figures = measure_ravdess(*given, keep=arguments.logits)
    else:
        figures = measure_left_out(*given, only=arguments.only, keep=arguments.logits, free=arguments.free)
    arguments.out.write_text(json.dumps([asdict(figure) for figure in figures], indent=1))
    for figure in figures:
        print(figure)


if __name__ == "__main__":
    main()
