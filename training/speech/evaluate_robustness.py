"""Measure a network as served on spoiled sound: noise, telephone band, a room, strong Opus coding, cut short.

On the speakers that only calibrated the network, each condition on the same clips.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from shared.contracts.emotions import EMOTIONS
from shared.inference import OnnxSession
from speech_service.analysis import analyse
from training.corpora.speech import RATE, Sound, add_only
from training.speech.evaluate import measure
from training.speech.evaluate_served import CALIBRATING, open_classifier, unseen_clips
from training.speech.features import add_echo, add_noise, opus, telephone

Spoil = Callable[[Sound, np.random.Generator], Sound]


def middle(sound: Sound, seconds: float) -> Sound:
    """Cut all but the middle away."""
    begin = max(0, (len(sound) - round(seconds * RATE)) // 2)
    return sound[begin : begin + round(seconds * RATE)]


CONDITIONS: dict[str, Spoil] = {
    "clean": lambda sound, _: sound,
    "noise at 20 dB": lambda sound, random: add_noise(sound, 20, random),
    "noise at 10 dB": lambda sound, random: add_noise(sound, 10, random),
    "noise at 5 dB": lambda sound, random: add_noise(sound, 5, random),
    "telephone band": lambda sound, _: telephone(sound),
    "a room": add_echo,
    "Opus at 12 kbit/s": lambda sound, _: opus(sound, 12),
    "a tenth of the level": lambda sound, _: 0.1 * sound,
    "its middle 0.7 s": lambda sound, _: middle(sound, 0.7),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpora", type=Path, required=True)
    add_only(parser)
    parser.add_argument("--activity", type=Path, default=Path("speech_service/models/default/activity"))
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--most", type=int, default=400, help="clips")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    activity = OnnxSession(arguments.activity, threads=1)
    classifier = open_classifier(arguments.network)
    clips = unseen_clips(arguments.corpora, arguments.only)[CALIBRATING]
    clips = [clips[i] for i in np.random.default_rng(0).permutation(len(clips))[: arguments.most]]
    speakers = np.array([f"{clip.corpus}/{clip.speaker}" for clip in clips])
    figures = []
    for name, spoil in CONDITIONS.items():
        random = np.random.default_rng(1)
        found = [analyse(spoil(clip.sound(), random), activity, classifier).scores for clip in clips]
        right = [
            scores is not None and scores.label == EMOTIONS[clip.emotion]
            for scores, clip in zip(found, clips, strict=True)
        ]
        figures.append(measure(f"{CALIBRATING}, {name}, accuracy", np.array(right), speakers))
        sure = [max(scores.values()) for scores in found if scores is not None]
        print(
            f"{figures[-1]}; speech found {len(sure) / len(found):.3f}, mean confidence {np.mean(sure):.3f}",
            flush=True,
        )
    arguments.out.write_text(json.dumps([asdict(figure) for figure in figures], indent=1))


if __name__ == "__main__":
    main()
