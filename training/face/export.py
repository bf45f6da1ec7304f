"""Turn a training run into what ships: ONNX file, manifest, figures.

    python -m training.face.export --profile default --run RUN --plain RUN --cache CACHE --out
    face_service/models/default/classification

The default profile joins two networks in one graph: the trunk (`--run`: a run, or a graph that ships) and
the one of plain convolutions (`--plain`: a run; without it the trunk stands alone). The head, their shares,
the temperature and the threshold are chosen on the parts to choose on; the test parts are looked at once, for
the manifest's figures; only those of which the cache has points. Without RAF-DB or KDEF, or with weights to
start from of one's own, licence and card say so: they follow what the runs say that they learned from.

A card that was written by hand is left as it is.
"""

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import torch

from shared.contracts.emotions import EMOTIONS
from shared.contracts.manifests import Figure, Manifest, Tensor
from training import checkpoints
from training.export.face_graph import default_graph, paper_graph
from training.export.face_int8 import round_kernels, round_plain
from training.face.calibrate import calibrate, test_figures
from training.face.card import licence_line, short_names, write_documents
from training.face.crops import DEFAULT_SIDE, PAPER_SIDE
from training.face.evaluate import milliseconds
from training.face.from_graph import load_graph
from training.face.head_choice import Answers, choose_plain_shares, choose_shares, mean_accuracy
from training.face.learned import LearnedFrom, learned_by
from training.face.network import FaceNetwork
from training.face.paper_network import PaperNetwork
from training.face.plain_network import SIDE, PlainNetwork
from training.face.samples import CONVENTIONS, CORPORA, load_corpus, points_file
from training.face.stages import logits_on
from training.face.tests_on import Cropper

Array = npt.NDArray[np.float32]
# Crops of each corpus by which the ranges of int8 are set.
CALIBRATED_ON = 100
PAPER_SUMMARY = "The paper's method: a plain convolutional network on 48 x 48 grey faces."
PREPROCESSING = {
    "default": {
        "crop": "aligned to RAF-DB's geometry, 10-90 %",
        "size": DEFAULT_SIDE,
        "colour": "RGB",
    },
    "paper": {
        "crop": "square of the Haar cascade's box",
        "size": PAPER_SIDE,
        "colour": "grey (ITU-R BT.601)",
    },
}


def load_average(run: Path, network: torch.nn.Module, name: str) -> dict[str, Array]:
    """Put a run's averaged weights into a network; gives them as arrays."""
    state = checkpoints.load(run / name)
    if state is None:
        raise FileNotFoundError(f"{run} holds no {name}")
    network.load_state_dict(state["average"])
    network.eval()
    return {key: value.float().numpy() for key, value in state["average"].items()}


def load_trunk(run: Path, checkpoint: str) -> tuple[FaceNetwork, dict[str, Array]]:
    """The trunk of a run, or of a graph that ships, and its weights as arrays."""
    network = FaceNetwork(CONVENTIONS)
    if run.suffix != ".onnx":
        return network, load_average(run, network, checkpoint)
    load_graph(network, run)
    network.eval()
    return network, {key: value.numpy() for key, value in network.state_dict().items()}


def answers_on(
    network: FaceNetwork | PlainNetwork, side: int, cache: Path, corpora: Sequence[str] = CORPORA
) -> dict[str, Answers]:
    """Logits of every head and labels on the parts to choose on; FER2013's by both sets of labels."""
    parts: dict[str, Answers] = {}
    for name in corpora:
        corpus = load_corpus(name, cache)
        indices = corpus.indices("choose")
        logits, label = logits_on(network, corpus, indices, side=side), corpus.pack.label[indices]
        parts[name] = (logits, label)
        if name == "fer2013":
            majority = corpus.pack.vote_majority()[indices]
            seven = majority >= 0
            parts["ferplus"] = ({key: value[seven] for key, value in logits.items()}, majority[seven])
    return parts


def chosen_head(parts: dict[str, Answers], state: dict[str, Array]) -> tuple[Array, Array]:
    """The head of one network that ships: weight [7, values], bias [7]."""
    shares = choose_shares(parts)
    for title, tried in (
        ("shared head alone", dict.fromkeys(CONVENTIONS, 0.0)),
        (f"shares {shares}", shares),
    ):
        print(title, mean_accuracy(tried, parts), flush=True)
    for convention in CONVENTIONS:
        own = {
            name: float(part[0][convention].argmax(1).__eq__(part[1]).mean()) for name, part in parts.items()
        }
        print(f"own head {convention}: {own}", flush=True)
    weight, bias = state["shared.weight"].copy(), state["shared.bias"].copy()
    for convention, share in shares.items():
        weight += share * state[f"own.{convention}.weight"]
        bias += share * state[f"own.{convention}.bias"]
    return weight, bias


class Plain(NamedTuple):
    """A network of plain convolutions: its weights, the head that ships, what it answers when it chooses."""

    state: dict[str, Array]
    head: tuple[Array, Array]
    answers: dict[str, Answers]


def read_plain(run: Path, checkpoint: str, cache: Path, corpora: Sequence[str]) -> Plain:
    """Read a run, and ask its network on the parts to choose on."""
    if (stored := checkpoints.load(run / checkpoint)) is None:
        raise FileNotFoundError(run / checkpoint)
    network = PlainNetwork.like(stored["average"], CONVENTIONS).eval()
    state = {key: value.float().numpy() for key, value in stored["average"].items()}
    answers = answers_on(network, SIDE, cache, corpora)
    return Plain(state, chosen_head(answers, state), answers)


def learned_from(cache: Path, corpora: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Some crops of every corpus that was learned from, [n, 112, 112, 3]."""
    cropper, found = Cropper("default"), []
    for name in corpora:
        corpus = load_corpus(name, cache)
        found.append(cropper.crops(corpus, corpus.indices("train")[:CALIBRATED_ON]))
    return np.concatenate(found)


def tensors(profile: str) -> tuple[Tensor, Tensor]:
    """Input and output as the manifest states them."""
    side = DEFAULT_SIDE if profile == "default" else PAPER_SIDE
    shape: tuple[int | str, ...] = ("n", side, side, 3) if profile == "default" else ("n", side, side)
    source = Tensor(
        name="faces", dtype="uint8", shape=shape, meaning=f"crops, {PREPROCESSING[profile]['colour']}, 0..255"
    )
    logits = Tensor(
        name="logits", dtype="float32", shape=("n", 7), meaning="before temperature; order as in labels"
    )
    return source, logits


def summary_of(profile: str, learned: LearnedFrom, *, plain: bool) -> str:
    """Say in a sentence what the network is."""
    if profile == "paper":
        return PAPER_SUMMARY
    base = "MobileNetV1 (faceres)" if learned.faceres else "MobileNetV1"
    corpora = short_names(LearnedFrom(learned.everything))
    return (
        f"Scores a face for seven emotions: {base}{' and plain convolutions' if plain else ''}, on {corpora}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profile", choices=("default", "paper"), required=True)
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run, or a graph")
    parser.add_argument(
        "--plain", type=Path, nargs="+", default=[], help="folders of the runs of plain convolutions"
    )
    parser.add_argument(
        "--corpora",
        nargs="+",
        choices=CORPORA,
        help="to choose and to calibrate on; by default what the runs learned from",
    )
    parser.add_argument("--checkpoint", default="last.pt")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--skip-tests", action="store_true", help="do not look at the test parts: a trial export"
    )
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    profile, cache, out = arguments.profile, arguments.cache, arguments.out
    learned = LearnedFrom(("fer2013",))
    if profile == "default":
        for number, run in enumerate((arguments.run, *arguments.plain)):
            learned = learned | learned_by(run) if number else learned_by(run)
    corpora = arguments.corpora or list(learned.corpora)
    for name in corpora:
        # Before anything is computed.
        if not points_file(cache, name).exists():
            parser.error(
                f"no points of {name} in {cache}: find them (training.face.landmarks), or name with "
                "--corpora what to choose and calibrate on instead"
            )
    # Whoever chooses and calibrates on a corpus learns from it, if little.
    learned |= LearnedFrom(tuple(corpora)) if profile == "default" else learned
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"face-{profile}.onnx"
    figures: list[Figure] = []
    if profile == "default":
        network, state = load_trunk(arguments.run, arguments.checkpoint)
        answers = answers_on(network, DEFAULT_SIDE, cache, corpora)
        head = chosen_head(answers, state)
        plain = [read_plain(run, arguments.checkpoint, cache, corpora) for run in arguments.plain]
        shares = choose_plain_shares(answers, [one.answers for one in plain])
        beside = [
            (one.state, (share * one.head[0], share * one.head[1]))
            for share, one in zip(shares, plain, strict=True)
            if share
        ]
        model = default_graph(state, head, beside)
        if beside:
            model = round_plain(model, learned_from(cache, corpora))
        model = round_kernels(model)
    else:
        model = paper_graph(load_average(arguments.run, PaperNetwork(), arguments.checkpoint))
    learned.put_into(model)
    onnx.save(model, path)
    calibration = calibrate(path, profile, cache, corpora)
    print(calibration)
    if not arguments.skip_tests:
        figures = test_figures(path, profile, calibration.temperature, cache)
    print(f"{milliseconds(path, 1):.2f} ms a face alone, {milliseconds(path, 8):.2f} ms in batches of 8")
    content = path.read_bytes()
    source, logits = tensors(profile)
    manifest = Manifest(
        name=f"face-{profile}-1",
        role="classification",
        profile=profile,
        file=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        licence=licence_line(learned),
        source="trained by training.face",
        summary=summary_of(profile, learned, plain=bool(arguments.plain)),
        inputs=(source,),
        outputs=(logits,),
        labels=EMOTIONS,
        temperature=round(calibration.temperature, 4),
        uncertain_below=calibration.threshold,
        preprocessing=PREPROCESSING[profile],
        figures=tuple(figures),
    )
    (out / "manifest.json").write_text(manifest.model_dump_json(indent=2) + "\n")
    write_documents(out, manifest, learned)


if __name__ == "__main__":
    main()
