"""Measure what ships on the corpora and write the report: tables, confusion matrices, reliability diagrams.

    EMOTION_CORPORA=... python -m training.report --cache CACHE [--only face] [--profiles default]

Writes docs/accuracy/NETWORK.md with its pictures and docs/accuracy.md (what the manifests state, with links).
Points of faces are found once and kept in the cache folder. The fusion's figures need its recordings of
films: `training.fusion.record` and `training.fusion.evaluate`.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import cv2

from shared.inference import load_manifest
from training.corpora.faces import corpora_folder
from training.report.accuracy import PAGES, ROOT, TARGET, accuracy_document
from training.report.answers import Answers
from training.report.face_answers import face_answers
from training.report.pages import page
from training.report.pictures import draw_all, draw_confusion, draw_reliability
from training.report.speech_answers import speech_answers

SERVICES = {"face": ROOT / "face_service" / "models", "speech": ROOT / "speech_service" / "models"}


def report(folder: Path, answers: Iterable[Answers], pages: Path) -> None:
    """Write the page and the pictures of one network."""
    manifest, every = load_manifest(folder), list(answers)
    pictures = [f"{manifest.name}-confusion.svg", f"{manifest.name}-reliability.svg"]
    draw_all(every, draw_confusion, pages / pictures[0])
    draw_all(every, draw_reliability, pages / pictures[1])
    (pages / f"{manifest.name}.md").write_text(page(manifest, every, pictures))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder for the points of faces")
    parser.add_argument("--only", nargs="+", choices=SERVICES, default=list(SERVICES))
    parser.add_argument("--profiles", nargs="+", choices=("default", "paper"), default=["default", "paper"])
    parser.add_argument("--out", type=Path, default=PAGES, help="folder of the pages")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    for profile in arguments.profiles:
        for service in arguments.only:
            folder = SERVICES[service] / profile / "classification"
            if service == "face":
                answers = face_answers(folder, arguments.cache)
            else:
                activity = SERVICES["speech"] / "default" / "activity"
                answers = speech_answers(folder, activity, corpora_folder())
            report(folder, answers, arguments.out)
            print(f"{profile} {service}: written", flush=True)
    TARGET.write_text(accuracy_document())


if __name__ == "__main__":
    main()
