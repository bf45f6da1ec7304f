"""How sure a face network is: temperature and threshold, set on the parts to choose on.

    python -m training.face.calibrate --model face_service/models/default/classification --cache CACHE

sets both anew in the manifest of a network that is there, and looks at its test parts once, for the figures.
`training.face.export` does the same for a network that it writes. Needs EMOTION_CORPORA, and points found by
`training.face.landmarks`.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from shared.contracts.manifests import Figure
from shared.inference import load_manifest
from training.face.evaluate import evaluate, figure, open_graph, run_graph, tests_in
from training.face.samples import CORPORA, load_corpus
from training.face.tests_on import Cropper, set_of
from training.measures import Labels, fit_temperature, probabilities, threshold_for
from training.whole_files import written_whole

# Labelled twice: FER2013's own labels, one word from one search or person, and the votes of ten (FER+). The
# two name 63 % alike, so no temperature suits both; the votes are nearer to what a user would call right.
LABELLED_AGAIN = "FER2013"


class Calibration(NamedTuple):
    """What is measured on the parts to choose on, and nowhere else."""

    temperature: float
    threshold: float
    right_above: float
    kept_above: float


def calibrating(profile: str, questions: Mapping[str, Labels]) -> dict[str, Labels]:
    """Those of a corpus's questions that say how sure to be, by title.

    The paper's network learned FER2013's own labels alone: they count there, beside the votes.
    """
    return {
        title: labels for title, labels in questions.items() if profile == "paper" or title != LABELLED_AGAIN
    }


def calibrate(path: Path, profile: str, cache: Path, corpora: Sequence[str]) -> Calibration:
    """Temperature and threshold on the parts to choose on, each corpus of them with the same weight."""
    session, cropper = open_graph(path), Cropper(profile)
    names = corpora if profile == "default" else ("fer2013",)
    logits, labels, weights = [], [], []
    for name in names:
        test = set_of(cropper, load_corpus(name, cache), "choose")
        found = run_graph(session, test.crops)
        questions = calibrating(profile, test.questions)
        for title, every in questions.items():
            asked = every >= 0
            logits.append(found[asked])
            labels.append(every[asked])
            weights.append(np.full(asked.sum(), 1 / len(questions) / asked.sum()))
            right = (found[asked].argmax(1) == every[asked]).mean()
            alone = fit_temperature(found[asked], every[asked], weights[-1])
            print(f"{title}, part to choose on, n={asked.sum()}: accuracy {right:.3f}, wants {alone:.2f}")
    together, label, weight = np.concatenate(logits), np.concatenate(labels), np.concatenate(weights)
    temperature = fit_temperature(together, label, weight)
    scores = probabilities(together, temperature)
    return Calibration(temperature, *threshold_for(scores, label, weight))


def test_figures(path: Path, profile: str, temperature: float, cache: Path) -> list[Figure]:
    """Every figure on the test parts that are there, for the manifest."""
    figures = []
    for result in evaluate(path, profile, temperature, cache, tests_in(cache)):
        print(
            f"{result.name}: {result.accuracy}, ECE {result.error_before:.3f} -> {result.error_after:.3f}",
            flush=True,
        )
        figures.append(figure(f"{result.name}, accuracy, %", result.accuracy))
        error = Figure(
            what=f"{result.name}, ECE (15 bins)", value=round(result.error_after, 4), n=result.accuracy.n
        )
        figures.append(error)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="folder with manifest.json and the graph")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument(
        "--corpora", nargs="+", choices=CORPORA, default=list(CORPORA), help="what the network learned from"
    )
    parser.add_argument(
        "--skip-tests", action="store_true", help="print the calibration; neither test nor write"
    )
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    folder, cache = arguments.model, arguments.cache
    manifest = load_manifest(folder)
    path = folder / manifest.file
    found = calibrate(path, manifest.profile, cache, arguments.corpora)
    print(found)
    if arguments.skip_tests:
        return
    temperature = round(found.temperature, 4)
    fresh = manifest.model_copy(
        update={
            "temperature": temperature,
            "uncertain_below": found.threshold,
            "figures": tuple(test_figures(path, manifest.profile, temperature, cache)),
        }
    )
    with written_whole(folder / "manifest.json") as unfinished:
        unfinished.write_text(fresh.model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    main()
