"""Readers of the audio-visual material: Java-SED films, and what was measured on the RAVDESS films."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shared.contracts.emotions import EMOTIONS, Emotion

JAVASED_EMOTIONS = {
    "neutral": Emotion.NEUTRAL,
    "happy": Emotion.HAPPINESS,
    "sad": Emotion.SADNESS,
    "angry": Emotion.ANGER,
    "fearful": Emotion.FEAR,
    "surprised": Emotion.SURPRISE,
}
# RAVDESS in the order of its files' numbers; calm is counted as neutral in seven classes.
RAVDESS_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
RAVDESS_TO_SEVEN = tuple(
    EMOTIONS.index(emotion)
    for emotion in (
        Emotion.NEUTRAL,
        Emotion.NEUTRAL,
        Emotion.HAPPINESS,
        Emotion.SADNESS,
        Emotion.ANGER,
        Emotion.FEAR,
        Emotion.DISGUST,
        Emotion.SURPRISE,
    )
)


@dataclass(frozen=True, slots=True)
class Film:
    """One acted film."""

    name: str
    path: Path
    actor: str
    sex: str
    emotion: Emotion
    seconds: float


@dataclass(frozen=True, slots=True)
class RavdessScores:
    """Third-party scores on RAVDESS films, n clips; scores in our order, calm in neutral.

    Attributes:
        clip: [n] names.
        actor: [n] 1..20.
        emotion: [n] 0..6.
        fold: [n] 0..4, by actor.
        speech: [n, 7] out-of-fold scores of a fine-tuned speech network.
        face: [n, 7] out-of-fold scores of a network over action units in time.
        still: [n, 7] mean over the frames of a still-picture network that never saw RAVDESS.
        still_frames: per clip [frames, 7], the same frame by frame.
    """

    clip: list[str]
    actor: NDArray[np.int64]
    emotion: NDArray[np.int64]
    fold: NDArray[np.int64]
    speech: NDArray[np.float64]
    face: NDArray[np.float64]
    still: NDArray[np.float64]
    still_frames: list[NDArray[np.float64]]


def read_javased(corpora: Path) -> list[Film]:
    """List the Java-SED films: 6 actors, 6 emotions (no disgust), 4 sentences.

    Args:
        corpora: the folder that holds `av/javased`.
    """
    folder = corpora / "av" / "javased"
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        return [
            Film(
                name=Path(row["file"]).stem,
                path=folder / row["file"],
                actor=row["actor"],
                sex=row["sex"],
                emotion=JAVASED_EMOTIONS[row["emotion"]],
                seconds=float(row["seconds"]),
            )
            for row in csv.DictReader(file)
        ]


def read_ravdess_scores(corpora: Path) -> RavdessScores:
    """Read the third-party scores of the RAVDESS films of actors 01 to 20.

    Args:
        corpora: the folder that holds `av/ravdess_features` and `av/ravdess_frame_scores`.
    """
    with np.load(corpora / "av" / "ravdess_features" / "ravdess_features.npz") as pack:
        features = {key: pack[key] for key in pack.files}
    with np.load(corpora / "av" / "ravdess_frame_scores" / "ravdess_frame_scores.npz") as pack:
        frames = {key: pack[key] for key in pack.files}
    place = {str(clip): index for index, clip in enumerate(frames["clip"])}
    order = [_emotion_index(str(name)) for name in frames["prob_names"]]
    offsets = frames["frame_offsets"]
    still_frames = []
    for clip in features["clip"]:
        at = place[str(clip)]
        sent = frames["prob"][offsets[at] : offsets[at + 1]].astype(np.float64)
        ours = np.zeros_like(sent)
        ours[:, order] = sent
        still_frames.append(ours / ours.sum(axis=1, keepdims=True))
    return RavdessScores(
        clip=[str(clip) for clip in features["clip"]],
        actor=features["actor"].astype(np.int64),
        emotion=np.asarray(RAVDESS_TO_SEVEN)[features["emotion"]],
        fold=features["fold"].astype(np.int64),
        speech=eight_to_seven(_softmax(features["speech_logit"].astype(np.float64))),
        face=eight_to_seven(_softmax(features["face_bilstm_logit"].astype(np.float64))),
        still=np.stack([rows.mean(axis=0) for rows in still_frames]),
        still_frames=still_frames,
    )


def eight_to_seven(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add RAVDESS's calm to neutral: [n, 8] in RAVDESS's order to [n, 7] in ours."""
    seven = np.zeros((len(scores), 7))
    for column, emotion in enumerate(RAVDESS_TO_SEVEN):
        seven[:, emotion] += scores[:, column]
    return seven


def actors(films: Sequence[Film]) -> list[str]:
    """Name the actors, each once, in order."""
    return sorted({film.actor for film in films})


def _emotion_index(name: str) -> int:
    stem = re.sub(r"[^a-z]", "", name.lower())[:4]
    table = {"neut": 0, "happ": 1, "sad": 2, "angr": 3, "fear": 4, "disg": 5, "surp": 6}
    return table[stem]


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return scores
