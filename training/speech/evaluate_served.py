"""Measure a network as the service runs it: voice activity, segments, gate, scores of the whole sound.

The speakers are those that only calibrated the network (it never learned from them), and the test corpora.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from shared.contracts.emotions import EMOTIONS
from shared.inference import OnnxSession
from speech_service.analysis import analyse
from speech_service.classification import Classifier, MfccClassifier, SoundClassifier
from training.corpora.speech import FOLDERS, TEST_ONLY, Clip, add_only, read_emotional
from training.speech.evaluate import Measured, measure
from training.speech.table import table_of

CALIBRATING = "speakers that only calibrated, as served"


def unseen_clips(corpora: Path, names: Sequence[str] = tuple(FOLDERS)) -> dict[str, list[Clip]]:
    """Clips of speakers that the shipped networks never learned from, of the named corpora."""
    clips = read_emotional(corpora, names)
    # One table for all packs: two of them hold the same people.
    table = table_of(clips)
    found: dict[str, list[Clip]] = {CALIBRATING: []}
    for name in [name for name in TEST_ONLY if name in names]:
        found[f"{name}, never heard, as served"] = []
    for clip, calibrating in zip(clips, table.calibration, strict=True):
        if clip.emotion < 0:
            continue
        if clip.corpus in TEST_ONLY:
            found[f"{clip.corpus}, never heard, as served"].append(clip)
        elif calibrating:
            found[CALIBRATING].append(clip)
    return {what: some for what, some in found.items() if some}


def open_classifier(folder: Path) -> Classifier:
    """Open a network of either profile by its manifest."""
    session = OnnxSession(folder, threads=1)
    return SoundClassifier(session) if session.manifest.profile == "default" else MfccClassifier(session)


def measure_served(
    corpora: Path, activity: OnnxSession, classifier: Classifier, names: Sequence[str] = tuple(FOLDERS)
) -> tuple[list[Measured], dict[str, float]]:
    """Accuracy (no speech found counts as wrong), share with speech found; milliseconds a second."""
    figures = []
    seconds, spent = 0.0, 0.0
    for what, clips in unseen_clips(corpora, names).items():
        right, found = [], []
        for clip in clips:
            sound = clip.sound()
            started = time.process_time()
            scores = analyse(sound, activity, classifier).scores
            spent += time.process_time() - started
            seconds += len(sound) / 16_000
            found.append(scores is not None)
            right.append(scores is not None and scores.label == EMOTIONS[clip.emotion])
        speakers = np.array([f"{clip.corpus}/{clip.speaker}" for clip in clips])
        figures.append(measure(f"{what}, accuracy, 7 classes", np.array(right), speakers))
        figures.append(measure(f"{what}, speech found", np.array(found), speakers))
    return figures, {"milliseconds_a_second": 1000 * spent / seconds}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpora", type=Path, required=True)
    add_only(parser)
    parser.add_argument("--activity", type=Path, default=Path("speech_service/models/default/activity"))
    parser.add_argument("--network", type=Path, required=True, help="folder of the classification network")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    figures, speed = measure_served(
        chosen.corpora,
        OnnxSession(chosen.activity, threads=1),
        open_classifier(chosen.network),
        chosen.only,
    )
    chosen.out.write_text(json.dumps([asdict(figure) for figure in figures], indent=1))
    for figure in figures:
        print(figure)
    print(speed)


if __name__ == "__main__":
    main()
