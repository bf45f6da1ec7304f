"""Measure "speech is not noise": what the service keeps as speech, with a gate that never heard the speaker.

Writes the share of clips with speech in which speech is found, of noises without words for which no
emotion is claimed, and of made sounds (music, noise, tones) likewise.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch

from shared.inference import OnnxSession
from speech_service.activity import SegmentRules, find_spans, speech_probabilities
from training.corpora.speech import (
    FOLDERS,
    NONVERBAL,
    UNFELT_SPEECH,
    Sound,
    add_only,
    add_unfelt,
    read_pack,
)
from training.speech.evaluate import Measured, measure
from training.speech.features import fit_length, open_encoder
from training.speech.gate import SPEECH_FROM, UNFELT, fit_gate, read_sounds
from training.speech.head import LinearHead
from training.speech.kept import check_corpora, way_of
from training.speech.network import MAPS, STATISTICS
from training.speech.noises import make_noises
from training.speech.reduction import Reduction
from training.speech.table import FOLDS, assign_folds, plain_speaker, read_table
from training.speech.train import BASE, SHIP, load_reduction

RULES = SegmentRules()
PER_CORPUS = 60
LEAST_LOGIT = float(np.log(SPEECH_FROM / (1 - SPEECH_FROM)))


class Ears:
    """The service's way from a sound to "there is speech", with a gate of choice."""

    def __init__(
        self, activity: OnnxSession, encoder: onnxruntime.InferenceSession, reduction: Reduction, used: int
    ) -> None:
        self._activity = activity
        self._encoder = encoder
        self._reduction = reduction
        self._used = used

    def hear(self, sound: Sound, gate: LinearHead) -> tuple[bool, bool]:
        """Say whether voice activity finds anything, and whether the gate keeps any of it."""
        spans = find_spans(speech_probabilities(self._activity, sound, rules=RULES), len(sound), rules=RULES)
        kept = any(self._logit(sound[span.start : span.end], gate) >= LEAST_LOGIT for span in spans)
        return bool(spans), kept

    def _logit(self, sound: Sound, gate: LinearHead) -> float:
        pooled = self._encoder.run(["pooled"], {"sound": fit_length(sound)[None]})[0]
        chosen = pooled.reshape(1, MAPS, len(STATISTICS), -1)[:, :, : self._used].reshape(1, -1)
        return float(gate.logits(self._reduction.apply(chosen))[0, 0])


def hear_pack(
    ears: Ears,
    path: Path,
    gates: list[LinearHead],
    *,
    most: int | None,
    known_folds: Mapping[str, int] | None = None,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.str_], npt.NDArray[np.str_]]:
    """Hear clips of a pack, each with the gate that never heard its speaker: [clips, 2], speakers, labels.

    `known_folds` are those of people who stand in other packs too.
    """
    clips = list(read_pack(path))
    speakers = np.array([plain_speaker(clip.speaker) for clip in clips])
    folds = assign_folds(clips[0].corpus, speakers) | dict(known_folds or {})
    rows = np.random.default_rng(3).permutation(len(clips))[:most]
    found = [ears.hear(clips[i].sound(), gates[folds[speakers[i]]]) for i in rows]
    return np.array(found).reshape(-1, 2), speakers[rows], np.array([clips[i].label for i in rows])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpora", type=Path, required=True)
    add_only(parser)
    add_unfelt(parser, UNFELT)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--fits", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--activity", type=Path, default=Path("speech_service/models/default/activity"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    check_corpora(arguments.fits / f"{SHIP}.npz", arguments.only)
    with np.load(arguments.fits / f"{SHIP}.npz") as stored:
        reduction = load_reduction(dict(stored))
    table = read_table(arguments.corpora, arguments.only)
    sounds = read_sounds(
        arguments.corpora,
        arguments.features / BASE,
        table,
        reduction,
        arguments.only,
        unfelt=arguments.unfelt,
    )
    gates = [fit_gate(sounds, sounds.fold != k) for k in range(FOLDS)]
    shipped = fit_gate(sounds, np.ones(len(sounds.x), dtype=np.bool_))
    noises = arguments.corpora / "extra" / f"{NONVERBAL}.npz"
    # What was not learned from may still test, where it is there.
    tested = [NONVERBAL] if NONVERBAL not in arguments.unfelt and noises.exists() else []
    way = way_of(only=arguments.only, unfelt=arguments.unfelt, unfelt_tested=tested)
    np.savez(arguments.fits / "gate.npz", weight=shipped.weight, bias=shipped.bias, way=way)
    ears = Ears(
        OnnxSession(arguments.activity, threads=1), open_encoder(arguments.encoder), reduction, used=4
    )
    figures: list[Measured] = []
    speech, speakers = [], []
    for name in (*arguments.only, *[name for name in UNFELT_SPEECH if name in arguments.unfelt]):
        path = arguments.corpora / FOLDERS.get(name, "extra") / f"{name}.npz"
        mine = table.corpus == name.removesuffix("_more")
        folds = dict(zip(table.speaker[mine].tolist(), table.fold[mine].tolist(), strict=True))
        heard, who, _ = hear_pack(ears, path, gates, most=PER_CORPUS, known_folds=folds)
        speech.append(heard)
        speakers.append(np.char.add(f"{name.removesuffix('_more')}/", who))
        print(name, len(heard), heard.sum(axis=0), flush=True)
    everything = np.concatenate(speech)
    figures.append(measure("clips with speech, speech found", everything[:, 1], np.concatenate(speakers)))
    if NONVERBAL in arguments.unfelt or tested:
        heard, who, labels = hear_pack(ears, noises, gates, most=None)
        figures.append(measure("noises without words, no emotion claimed", ~heard[:, 1], who))
        figures.append(measure("noises without words, voice activity alone refuses", ~heard[:, 0], who))
        for label in np.unique(labels):
            rows = labels == label
            figures.append(measure(f"{label}, no emotion claimed", ~heard[rows, 1], who[rows]))
    made = make_noises(300, seed=1)
    heard = np.array([ears.hear(sound, shipped) for _, sound in made])
    figures.append(
        measure("made music, noise and tones, no emotion claimed", ~heard[:, 1], np.arange(300).astype(str))
    )
    arguments.out.write_text(json.dumps([asdict(figure) for figure in figures], indent=1))
    for figure in figures:
        print(figure)


if __name__ == "__main__":
    main()
