"""Answers of a shipped speech network as the service gives them, for speakers it never learned from."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from shared.inference import OnnxSession
from speech_service.analysis import analyse
from training.report.answers import Answers
from training.speech.evaluate_served import open_classifier, unseen_clips


def speech_answers(folder: Path, activity: Path, corpora: Path) -> Iterator[Answers]:
    """Answers a corpus; `folder` holds the manifest of the classification, `activity` of voice activity."""
    classifier, voice_activity = open_classifier(folder), OnnxSession(activity, threads=1)
    for clips in unseen_clips(corpora).values():
        for corpus in dict.fromkeys(clip.corpus for clip in clips):
            mine = [clip for clip in clips if clip.corpus == corpus]
            found = [analyse(clip.sound(), voice_activity, classifier).scores for clip in mine]
            scores = [np.full(7, np.nan) if one is None else np.array(one.values()) for one in found]
            yield Answers(
                corpus,
                np.stack(scores),
                np.array([clip.emotion for clip in mine], np.int64),
                np.array([clip.speaker for clip in mine], np.str_),
                np.array([clip.sex for clip in mine], np.str_),
            )
