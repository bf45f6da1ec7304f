"""Measure what ships on the corpora and write the report: tables, confusion matrices, reliability diagrams.

    EMOTION_CORPORA=... python -m training.report --cache CACHE [--only face] [--profiles default] [--full]

Writes docs/accuracy/NETWORK.md with its pictures and docs/accuracy.md (what the manifests state, with links).
Points of faces are found once and kept in the cache folder. `--full` cross-validates the chosen profiles as
well (four minutes of one core), and writes docs/accuracy/held-out-NETWORK.md and (`default`) ravdess-films.md
from what training left in the cache folder: speech by the fits of `training.speech.train` (`speech-fits`) and
of `training.speech.paper` (`speech-paper-fits`), face and voice together by recordings of the films
(`training.fusion.record`, `films`) and held-out voices (`training.speech.evaluate`, `oof_javased.npz`;
`ravdess_alone.npz` of `training.speech.evaluate_research ravdess --logits`). For `paper` the fits of its
voice are enough.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2

from shared.inference import load_manifest
from training.corpora.faces import corpora_folder
from training.report.accuracy import PAGES, RAVDESS_PAGE, ROOT, TARGET, accuracy_document
from training.report.answers import Answers
from training.report.face_answers import face_answers
from training.report.held_out_answers import FUSED, SPOKEN, fused_answers, spoken_answers
from training.report.pages import AS_SERVED, CALIBRATED_ON, FRAMED_BY_YUNET, page, trial_page
from training.report.paper_answers import PAPER_FILMS, paper_film_answers, paper_voices
from training.report.pictures import draw_all, draw_confusion, draw_reliability
from training.report.ravdess_answers import FILMED, ravdess_answers
from training.report.speech_answers import speech_answers

FUSION = ROOT / "fusion_service" / "models" / "default" / "fusion"
HELD_OUT = "held-out-"
HOW = {
    ("face", "default"): AS_SERVED,
    ("face", "paper"): FRAMED_BY_YUNET,
    ("speech", "default"): CALIBRATED_ON,
    ("speech", "paper"): CALIBRATED_ON,
}
SERVICES = {"face": ROOT / "face_service" / "models", "speech": ROOT / "speech_service" / "models"}


def report(
    folder: Path, answers: Iterable[Answers], pages: Path, *, prefix: str = "", how: str = AS_SERVED
) -> None:
    """Write the page and the pictures of one network."""
    manifest, every = load_manifest(folder), list(answers)
    name = f"{prefix}{manifest.name}"
    pictures = draw(name, every, pages)
    (pages / f"{name}.md").write_text(page(manifest, every, pictures, how=how))


def draw(name: str, every: Sequence[Answers], pages: Path) -> list[str]:
    """Draw confusion matrices and reliability diagrams; gives the names of the files."""
    pictures = [f"{name}-confusion.svg", f"{name}-reliability.svg"]
    draw_all(every, draw_confusion, pages / pictures[0])
    draw_all(every, draw_reliability, pages / pictures[1])
    return pictures


def report_ravdess(cache: Path, pages: Path) -> None:
    """Write the page of the RAVDESS films."""
    found = ravdess_answers(cache / "ravdess_alone.npz", cache / "speech-fits", corpora_folder())
    every, title = list(found), "Face and voice on RAVDESS films, eight classes"
    pictures = draw(RAVDESS_PAGE, every, pages)
    (pages / f"{RAVDESS_PAGE}.md").write_text(trial_page(title, every, pictures, how=FILMED))


def cross_validate_default(cache: Path, pages: Path) -> None:
    """Write the pages of what is held out in turn, and of the RAVDESS films."""
    speech, corpora = SERVICES["speech"] / "default" / "classification", corpora_folder()
    temperature = load_manifest(speech).temperature
    spoken = spoken_answers(cache / "speech-fits", temperature, corpora)
    report(speech, spoken, pages, prefix=HELD_OUT, how=SPOKEN)
    print("held-out speech: written", flush=True)
    networks = {"face": SERVICES["face"] / "default" / "classification", "speech": speech}
    fused = fused_answers(FUSION, cache / "films", cache / "oof_javased.npz", networks, corpora)
    report(FUSION, fused, pages, prefix=HELD_OUT, how=FUSED)
    print("held-out fusion: written", flush=True)
    report_ravdess(cache, pages)
    print("RAVDESS films: written", flush=True)


def cross_validate_paper(cache: Path, pages: Path) -> None:
    """Write the pages of what is held out in turn from the paper's voice, which alone learns anew a fold."""
    fits, speech, corpora = (
        cache / "speech-paper-fits",
        SERVICES["speech"] / "paper" / "classification",
        corpora_folder(),
    )
    temperature = load_manifest(speech).temperature
    report(speech, spoken_answers(fits, temperature, corpora), pages, prefix=HELD_OUT, how=SPOKEN)
    fusion = FUSION.parents[1] / "paper" / "fusion"
    voices = paper_voices(fits, temperature, corpora)
    filmed = paper_film_answers(SERVICES["face"] / "paper", fusion, voices, corpora)
    report(fusion, filmed, pages, prefix=HELD_OUT, how=PAPER_FILMS)
    print("held-out paper: written", flush=True)


CROSS_VALIDATE = {"default": cross_validate_default, "paper": cross_validate_paper}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder for the points of faces")
    parser.add_argument("--only", nargs="*", choices=SERVICES, default=list(SERVICES))
    parser.add_argument("--full", action="store_true", help="cross-validate as well")
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
            report(folder, answers, arguments.out, how=HOW[service, profile])
            print(f"{profile} {service}: written", flush=True)
    if arguments.full:
        for profile in arguments.profiles:
            CROSS_VALIDATE[profile](arguments.cache, arguments.out)
    TARGET.write_text(accuracy_document())


if __name__ == "__main__":
    main()
