"""Answers of a shipped face network on every test part."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from shared.inference import load_manifest
from training.face.evaluate import TESTS, open_graph, run_graph
from training.face.landmarks import find_all
from training.face.samples import Corpus, load_corpus
from training.face.tests_on import Cropper, set_of
from training.measures import probabilities
from training.report.answers import Answers
from training.whole_files import written_whole


def corpus_with_points(name: str, cache: Path) -> Corpus:
    """Read a corpus; its points are found once and kept in the cache."""
    path = cache / f"{name}.points.npy"
    if not path.exists():
        with written_whole(path) as unfinished:
            np.save(unfinished, find_all(name))
    return load_corpus(name, cache)


def face_answers(folder: Path, cache: Path) -> Iterator[Answers]:
    """Answers for every question that is asked about the test parts; `folder` holds the manifest."""
    manifest = load_manifest(folder)
    session, cropper = open_graph(folder / manifest.file), Cropper(manifest.profile)
    for name in TESTS:
        corpus = corpus_with_points(name, cache)
        test = set_of(cropper, corpus, "test")
        indices = corpus.indices("test")
        sex = corpus.pack.text("sex")[indices] if "sex" in corpus.pack.columns else np.full(len(indices), "")
        scores = probabilities(run_graph(session, test.crops), manifest.temperature)
        for title, label in test.questions.items():
            asked = label >= 0
            yield Answers(title, scores[asked], label[asked], test.person[asked], sex[asked])
