"""Measure an exported face network on the test parts, and print the tables.

    python -m training.face.evaluate --model face_service/models/default/classification --cache CACHE
    [--robustness] [--pooled]

Needs EMOTION_CORPORA, and points found by `training.face.landmarks` in the cache folder.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from shared.contracts.emotions import EMOTIONS
from shared.contracts.manifests import Figure, Manifest
from shared.inference import session_options
from training.corpora.faces import Picture
from training.face.augment import recompressed, reduced
from training.face.samples import load_corpus, points_file
from training.face.tests_on import Change, Cropper, TestSet, set_of
from training.measures import (
    Share,
    by_person_if_known,
    calibration_error,
    confusion,
    mean_recall,
    probabilities,
    wilson,
)

TESTS = ("fer2013", "rafdb_train", "kdef", "jaffe", "ckplus48", "webfaces_expr")
# Of these, what is also measured spoiled.
SPOILED = ("fer2013", "rafdb_train")
Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Result:
    """What a network did on one test set."""

    name: str
    accuracy: Share
    recall: float
    error_before: float
    error_after: float
    confusion: npt.NDArray[np.int64]


def open_graph(path: Path) -> onnxruntime.InferenceSession:
    """The graph on one thread."""
    options = session_options(threads=1)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run_graph(
    session: onnxruntime.InferenceSession, crops: npt.NDArray[np.uint8], output: str = "logits"
) -> Logits:
    """One output of the graph on crops, in batches of 32."""
    parts = [session.run([output], {"faces": crops[i : i + 32]})[0] for i in range(0, len(crops), 32)]
    return np.concatenate(parts)


def flipped_too(
    session: onnxruntime.InferenceSession, crops: npt.NDArray[np.uint8], logits: Logits
) -> Logits:
    """Mean of the logits of each crop, given, and of its mirror image."""
    mirrored = np.ascontiguousarray(crops[:, :, ::-1])
    return np.asarray((logits + run_graph(session, mirrored)) / 2, np.float32)


def judge(test: TestSet, logits: Logits, temperature: float, *, suffix: str = "") -> Iterator[Result]:
    """The figures of one test set, a result for each question."""
    for title, every in test.questions.items():
        asked = every >= 0
        label, person, answers = every[asked], test.person[asked], logits[asked]
        predicted = answers.argmax(1)
        right = predicted == label
        accuracy = by_person_if_known(right, person)
        errors = [calibration_error(probabilities(answers, t), label) for t in (1.0, temperature)]
        recall = mean_recall(predicted, label)
        yield Result(title + suffix, accuracy, recall, errors[0], errors[1], confusion(predicted, label))


def tests_in(cache: Path) -> list[str]:
    """Name the test sets whose points are in the cache; prints which are not."""
    found = [name for name in TESTS if points_file(cache, name).exists()]
    if missing := [name for name in TESTS if name not in found]:
        print(f"not measured, no points in {cache}: {', '.join(missing)}", flush=True)
    return found


def evaluate(
    path: Path, profile: str, temperature: float, cache: Path, names: Sequence[str] = TESTS
) -> Iterator[Result]:
    """These test sets, one look each; FER2013 and FER+ once more with the mirror image."""
    session, cropper = open_graph(path), Cropper(profile)
    for name in names:
        test = set_of(cropper, load_corpus(name, cache), "test")
        logits = run_graph(session, test.crops)
        yield from judge(test, logits, temperature)
        if name == "fer2013":
            both = flipped_too(session, test.crops, logits)
            yield from judge(test, both, temperature, suffix=", with mirror image")


def pooled(path: Path, profile: str, cache: Path) -> Iterator[tuple[str, Share]]:
    """RAF-DB's part to choose on and our test, alone and together: accuracy.

    Both were drawn from the same pictures at random; what was chosen on the one is too good there.
    """
    session, cropper = open_graph(path), Cropper(profile)
    corpus = load_corpus("rafdb_train", cache)
    rights = {}
    for part in ("choose", "test"):
        of_part = set_of(cropper, corpus, part)
        rights[part] = run_graph(session, of_part.crops).argmax(1) == of_part.questions["RAF-DB"]
        yield f"RAF-DB, part {part}", wilson(rights[part])
    yield "RAF-DB, both parts", wilson(np.concatenate(list(rights.values())))


def dark(picture: Picture) -> Picture:
    """A third of the light with a sensor's noise, the same noise on every call."""
    noise = np.random.default_rng(5).normal(0, 255 * 0.03, picture.shape[:2])[:, :, None]
    return np.clip(picture * 0.33 + noise, 0, 255).astype(np.uint8)


def blurred(picture: Picture) -> Picture:
    """Gaussian blur of 2 % of the crop's width."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.02 * picture.shape[0]), np.uint8)


CHANGES: dict[str, Change | None] = {
    "as it is": None,
    "blur": blurred,
    "JPEG 30": lambda picture: recompressed(picture, 30),
    "low light": dark,
    "24 pixels": lambda picture: reduced(picture, 24),
}


def robustness(
    path: Path, profile: str, cache: Path, names: Sequence[str] = SPOILED
) -> Iterator[tuple[str, str, Share]]:
    """Accuracy on spoiled pictures of these corpora: corpus, change, share."""
    session, cropper = open_graph(path), Cropper(profile)
    for name in names:
        corpus = load_corpus(name, cache)
        for change_name, change in CHANGES.items():
            test = set_of(cropper, corpus, "test", change)
            predicted = run_graph(session, test.crops).argmax(1)
            for title, label in test.questions.items():
                yield title, change_name, wilson(predicted[label >= 0] == label[label >= 0])


def milliseconds(path: Path, batch: int, *, rounds: int = 40) -> float:
    """Median time a face on one thread, in CPU time, so that other work on the machine does not count."""
    session = open_graph(path)
    shape = [batch, *session.get_inputs()[0].shape[1:]]
    crops = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    times = []
    for _ in range(rounds):
        start = time.thread_time()
        session.run(None, {"faces": crops})
        times.append(time.thread_time() - start)
    return float(np.median(times) / batch * 1000)


def figure(what: str, share: Share) -> Figure:
    """A share as a manifest states it, in percent."""
    return Figure(
        what=what,
        value=round(100 * share.value, 2),
        n=share.n,
        low=round(100 * share.low, 2),
        high=round(100 * share.high, 2),
    )


def print_confusion(table: npt.NDArray[np.int64]) -> None:
    print("    " + "".join(f"{emotion[:7]:>9}" for emotion in EMOTIONS))
    for emotion, row in zip(EMOTIONS, table, strict=True):
        print(f"    {emotion[:7]:<8}" + "".join(f"{count:>9}" for count in row))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="folder with manifest.json")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--robustness", action="store_true", help="also measure spoiled pictures")
    parser.add_argument("--pooled", action="store_true", help="also RAF-DB's part to choose on")
    parser.add_argument("--confusions", action="store_true", help="also print who is confused with whom")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    manifest = Manifest.model_validate_json((arguments.model / "manifest.json").read_bytes())
    path = arguments.model / manifest.file
    tests = tests_in(arguments.cache)
    for result in evaluate(path, manifest.profile, manifest.temperature, arguments.cache, tests):
        errors = f"ECE {result.error_before:.3f} -> {result.error_after:.3f}"
        print(
            f"{result.name}: {result.accuracy}; mean recall {100 * result.recall:.1f}; {errors}", flush=True
        )
        if arguments.confusions:
            print_confusion(result.confusion)
    if arguments.robustness:
        spoiled = [name for name in SPOILED if name in tests]
        for corpus, change, share in robustness(path, manifest.profile, arguments.cache, spoiled):
            print(f"{corpus}, {change}: {share}", flush=True)
    if arguments.pooled:
        for part, share in pooled(path, manifest.profile, arguments.cache):
            print(f"{part}: {share}", flush=True)
    for batch in (1, 8):
        print(f"batch {batch}: {milliseconds(path, batch):.2f} ms a face on one thread")


if __name__ == "__main__":
    main()
