"""What each network that ships costs by itself: `python -m benchmarks.networks`.

CPU milliseconds of one thread, as the services open it, and size. The yardstick beside them is a product of
two square matrices in the same runtime, by which one processor's figures compare with another's.
"""

import argparse
import contextlib
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from shared.inference import OnnxSession, load_manifest, session_options
from speech_service.activity import SegmentRules, speech_probabilities
from speech_service.features import RATE

FACES = Path("face_service/models")
VOICES = Path("speech_service/models")
FUSION = Path("fusion_service/models")
# Side of the matrices of the yardstick.
SIDE = 1024
INSTRUCTIONS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "asimddp", "i8mm")


@dataclass(frozen=True)
class Load:
    """What a network is given, and how many of its unit that are."""

    what: str
    folder: Path
    inputs: Mapping[str, NDArray[Any]]
    units: float
    arena: bool = False


def pictures(name: str, *shape: int) -> dict[str, NDArray[np.uint8]]:
    """Noise in place of pictures: what is in them costs no time."""
    return {name: np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)}


def sound(seconds: int) -> NDArray[np.float32]:
    """Noise at a usual level."""
    return (0.1 * np.random.default_rng(0).standard_normal(seconds * RATE)).astype(np.float32)


def loads() -> list[Load]:
    """All networks that ship, as they are called."""
    faces, voices = FACES / "default", VOICES / "default"
    return [
        Load(
            "detection, a frame of 640 x 384",
            faces / "detection",
            pictures("pictures", 1, 384, 640, 3),
            1,
            arena=True,
        ),
        Load("scores of a face", faces / "classification", pictures("faces", 1, 112, 112, 3), 1),
        Load("scores of a face, in eights", faces / "classification", pictures("faces", 8, 112, 112, 3), 8),
        Load("appearance of a face", faces / "appearance", pictures("faces", 1, 112, 112, 3), 1),
        Load("appearance of a face, in eights", faces / "appearance", pictures("faces", 8, 112, 112, 3), 8),
        Load("blendshapes of a face", faces / "expression", pictures("faces", 1, 256, 256, 3), 1, arena=True),
        Load(
            "blendshapes of a face, in fours",
            faces / "expression",
            pictures("faces", 4, 256, 256, 3),
            4,
            arena=True,
        ),
        *(
            Load(f"a second of speech, of {n}", voices / "classification", {"sound": sound(n)[None]}, n)
            for n in (1, 3, 10)
        ),
        Load(
            "`paper`: scores of a face", FACES / "paper" / "classification", pictures("faces", 1, 48, 48), 1
        ),
        Load(
            "`paper`: a second of speech, of 3, from its MFCCs",
            VOICES / "paper" / "classification",
            {"mfcc": np.zeros((1, 149, 40), dtype=np.float32)},
            3,
        ),
    ]


def cpu_milliseconds(run: Callable[[], object], runs: int) -> float:
    """The median of the CPU time of one call, after three that do not count."""
    taken = []
    for number in range(runs + 3):
        began = time.process_time()
        run()
        if number >= 3:
            taken.append(time.process_time() - began)
    return 1000 * statistics.median(taken)


def matrix_product() -> ort.InferenceSession:
    """The yardstick: [SIDE, SIDE] times itself, in float32."""
    shape = [SIDE, SIDE]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["a", "b"], ["product"])],
        "yardstick",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("a", "b")],
        [helper.make_tensor_value_info("product", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return ort.InferenceSession(model.SerializeToString(), session_options(threads=1, arena=True))


def machine() -> str:
    """The processor's name, and which of its instructions matter here."""
    facts = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            facts[name.strip()] = value.strip()
    flags = facts.get("flags", facts.get("Features", "")).split()
    known = ", ".join(flag for flag in INSTRUCTIONS if flag in flags) or "no instructions of note"
    return f"{facts.get('model name', platform.machine())} ({known})"


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    arguments = parser.parse_args()
    matrices = np.random.default_rng(0).standard_normal((2, SIDE, SIDE)).astype(np.float32)
    product = matrix_product()
    inputs = {"a": matrices[0], "b": matrices[1]}
    yardstick = cpu_milliseconds(lambda: product.run(None, inputs), arguments.runs)
    print(f"\n{machine()}: {2 * SIDE**3 / yardstick / 1e6:.0f} GFLOP/s in float32, one thread\n")
    print(f"| what | CPU ms | of a product of {SIDE} x {SIDE}, % |\n|---|---|---|")
    for load in loads():
        session = OnnxSession(load.folder, threads=1, arena=load.arena)
        taken = cpu_milliseconds(partial(session.run, load.inputs), arguments.runs) / load.units
        print(f"| {load.what} | {taken:.1f} | {100 * taken / yardstick:.0f} |")
    activity, rules, ten = OnnxSession(VOICES / "default" / "activity", threads=1), SegmentRules(), sound(10)
    taken = cpu_milliseconds(lambda: speech_probabilities(activity, ten, rules=rules), arguments.runs) / 10
    print(f"| voice activity, a second of sound, of 10 | {taken:.1f} | {100 * taken / yardstick:.0f} |")
    print("\n| profile | networks, MB |\n|---|---|")
    for profile in ("default", "paper"):
        folders = [folder for home in (FACES, VOICES, FUSION) for folder in (home / profile).iterdir()]
        size = sum(load_manifest(folder).bytes for folder in folders)
        print(f"| {profile} | {size / 1e6:.2f} |")


if __name__ == "__main__":
    main()
