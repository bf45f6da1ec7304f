"""Measure what int8 and fp16 cost: the shipped graph against the same network in fp32, on unseen speakers."""

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from shared.inference import session_options
from training.corpora.speech import add_only
from training.export.speech_graph import SpeechNetwork, export_network, load_encoders
from training.speech.evaluate import measure
from training.speech.evaluate_served import CALIBRATING, unseen_clips
from training.speech.features import fit_length


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True)
    add_only(parser)
    parser.add_argument("--encoders", type=Path, required=True, help="folder with base.npz and speaker.npz")
    parser.add_argument("--fits", type=Path, required=True)
    parser.add_argument("--network", type=Path, required=True, help="the shipped ONNX file")
    parser.add_argument("--most", type=int, default=300, help="clips")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    options = session_options(threads=1)
    with np.load(arguments.fits / "ship.npz") as fit, np.load(arguments.fits / "gate.npz") as gate:
        network = SpeechNetwork(load_encoders(arguments.encoders), dict(fit), dict(gate))
    with tempfile.TemporaryDirectory() as folder:
        export_network(network, Path(folder) / "whole.onnx")
        exact = onnxruntime.InferenceSession(Path(folder) / "whole.onnx", options)
    shipped = onnxruntime.InferenceSession(arguments.network, options)
    clips = unseen_clips(arguments.corpora, arguments.only)[CALIBRATING]
    clips = [clips[i] for i in np.random.default_rng(0).permutation(len(clips))[: arguments.most]]
    truth = np.array([clip.emotion for clip in clips])
    judged = np.array(
        [
            [
                int(session.run(["logits"], {"sound": fit_length(clip.sound())[None]})[0].argmax())
                for session in (exact, shipped)
            ]
            for clip in clips
        ]
    )
    speakers = np.array([f"{clip.corpus}/{clip.speaker}" for clip in clips])
    figures = [
        measure("calibrating speakers, whole clips, accuracy in fp32", judged[:, 0] == truth, speakers),
        measure("the same clips, accuracy in int8 as shipped", judged[:, 1] == truth, speakers),
        measure(
            "the same clips, fp32 and int8 name the same emotion", judged[:, 0] == judged[:, 1], speakers
        ),
    ]
    arguments.out.write_text(json.dumps([asdict(figure) for figure in figures], indent=1))
    for figure in figures:
        print(figure)


if __name__ == "__main__":
    main()
