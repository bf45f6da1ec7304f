"""Are pictures of FER2013's test easier where nearly the same picture was learned from?

    python -m training.face.twins --model face_service/models/default/classification --cache CACHE

Exact repeats are taken out of what is learned from (`training.face.samples.fer2013_parts`). A twin is what is
left: the same picture with another watermark, brightness or border.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from shared.inference import load_manifest
from training.corpora.faces import Picture
from training.face.evaluate import open_graph, run_graph
from training.face.samples import load_corpus
from training.face.tests_on import Cropper, set_of
from training.measures import wilson

SIDE = 24
TWINS_FROM = 0.93
Patterns = npt.NDArray[np.float32]


def pattern(picture: Picture) -> Patterns:
    """A picture, uint8 [height, width, 3], small and grey without mean and contrast: float32 [576], length 1.

    The product of two patterns is the correlation of the pictures. A picture of one colour gives zeros.
    """
    small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    values = small.ravel() - small.mean(dtype=np.float32)
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-6), np.float32)


def most_alike(mine: Patterns, learned: Patterns) -> npt.NDArray[np.float32]:
    """For each of `mine` [n, 576] the highest correlation with any of `learned` [m, 576]: -1..1, [n]."""
    return np.concatenate(
        [(mine[start : start + 256] @ learned.T).max(1) for start in range(0, len(mine), 256)]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="folder with manifest.json")
    parser.add_argument("--cache", type=Path, required=True)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    manifest = load_manifest(arguments.model)
    corpus = load_corpus("fer2013", arguments.cache)
    patterns = np.stack([pattern(picture) for picture in corpus.pictures])
    alike = most_alike(patterns[corpus.indices("test")], patterns[corpus.indices("train")])
    twin = alike > TWINS_FROM
    print(f"{twin.sum()} of {len(twin)} pictures have a twin ({100 * twin.mean():.1f} %)")
    test = set_of(Cropper(manifest.profile), corpus, "test")
    predicted = run_graph(open_graph(arguments.model / manifest.file), test.crops).argmax(1)
    for title, label in test.questions.items():
        for name, some in (("with a twin", twin), ("without", ~twin)):
            asked = some & (label >= 0)
            print(f"{title}, {name}: {wilson(predicted[asked] == label[asked])}", flush=True)


if __name__ == "__main__":
    main()
