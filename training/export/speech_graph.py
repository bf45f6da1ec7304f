"""Join encoders and heads into one ONNX graph; its large products in int8, its large tables in fp16."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn
from torch.nn import functional

from speech_service.features import hann
from training.speech.familiarity import SEEN, SOFTENING
from training.speech.network import MAPS, STATISTICS, WINDOW, Encoder, load_encoder
from training.speech.speaker_encoder import (
    PREEMPHASIS,
    TURN,
    SpeakerEncoder,
    load_speaker_encoder,
    povey,
)
from training.speech.train import BASE, READERS, SPEAKER

OPSET = 17
USED = 4  # of the five statistics: mean, spread, max, min
# Tables whose rows were evened out, so that int8 with a scale for each column holds them.
EVENED = (".bases", ".first")
# Kernels of convolutions with fewer values stay fp32.
LEAST_ROUNDED = 2_000

AnyEncoder = Encoder | SpeakerEncoder
Stored = Mapping[str, npt.NDArray[np.generic]]
# Kind, what goes in, what comes out, attributes.
Step = tuple[str, list[str], str, dict[str, int | list[int]]]


def even_rows(table: npt.NDArray[np.generic]) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest value of each row, [..., rows], and the table [..., rows, columns] divided by it."""
    values = table.astype(np.float32)
    largest = np.maximum(np.abs(values).max(axis=-1), 1e-20)
    return torch.from_numpy(largest), torch.from_numpy(values / largest[..., None])


class EmotionReader(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """One encoder with its directions and its ensemble: sound to logits [1, 7] and directions [1, n].

    Args:
        encoder: the frozen encoder.
        fit: of `training.speech.train`.
        name: of the encoder in the fit.
    """

    def __init__(self, encoder: AnyEncoder, fit: Stored, name: str) -> None:
        super().__init__()
        self.encoder = encoder
        for table in ("means", "first_bias", "second", "second_bias"):
            self.register_buffer(table, torch.from_numpy(fit[f"{name}_{table}"].astype(np.float32)))
        for table in ("bases", "first"):
            scale, even = even_rows(fit[f"{name}_{table}"])
            self.register_buffer(f"{table}_scale", scale)
            self.register_buffer(table, even)

    def forward(self, sound: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give logits and directions."""
        pooled = self.encoder(sound).reshape(MAPS, len(STATISTICS), -1)
        values = (pooled[:, :USED].reshape(MAPS, -1) - self.means) * self.bases_scale
        directions = (values[:, None] @ self.bases).reshape(1, -1)
        hidden = functional.gelu((directions * self.first_scale) @ self.first + self.first_bias)
        return hidden @ self.second + self.second_bias, directions


class SpeechNetwork(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Sound [1, samples] to logits [1, 7], probability of speech [1, 1] and voice [1, 7].

    Args:
        encoders: the frozen encoders, by the names of READERS.
        fit: of `training.speech.train`, the one that ships.
        gate: weight [directions, 1] and bias [1] of `training.speech.gate`.
    """

    def __init__(self, encoders: Mapping[str, AnyEncoder], fit: Stored, gate: Stored) -> None:
        super().__init__()
        self.readers = nn.ModuleDict({name: EmotionReader(encoders[name], fit, name) for name in READERS})
        for name in ("voice", "axes", "centres"):
            self.register_buffer(name, torch.from_numpy(fit[name].astype(np.float32)))
        self.register_buffer("gate", torch.from_numpy(gate["weight"].astype(np.float32)))
        self.register_buffer("gate_bias", torch.from_numpy(gate["bias"].astype(np.float32)))

    def forward(self, sound: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Give logits, speech and voice."""
        logits, directions = self.readers[BASE](sound)
        logits = READERS[BASE].share * logits
        for name, reader in READERS.items():
            if name != BASE:
                logits = logits + reader.share * self.readers[name](sound)[0]
        speech = torch.sigmoid(directions @ self.gate + self.gate_bias)
        return logits / self.distance(directions) ** SOFTENING, speech, directions @ self.voice

    def distance(self, directions: torch.Tensor) -> torch.Tensor:
        """How far the directions [1, n] lie from what was learned from, as `Familiarity.distance`: [1, 1]."""
        seen = directions.reshape(MAPS, -1)[:, :SEEN].reshape(1, -1)
        squares = (seen @ self.axes - self.centres).square().sum(dim=1)
        return squares.amin().sqrt().reshape(1, 1)


def load_encoders(folder: Path) -> dict[str, AnyEncoder]:
    """The encoders of READERS, of what `training.third_party` wrote into a folder: a file for each."""
    return {
        name: (load_speaker_encoder if name == SPEAKER else load_encoder)(folder / f"{name}.npz")
        for name in READERS
    }


def export_encoder(encoder: AnyEncoder, path: Path) -> None:
    """Write the fp32 graph: `sound` float32 [1, samples] to `pooled` float32 [1, 25 * width]."""
    _export(encoder, path, ["pooled"])


def export_network(network: SpeechNetwork, path: Path) -> None:
    """Write the fp32 graph with the outputs `logits`, `speech` and `voice`."""
    _export(network, path, ["logits", "speech", "voice"])


def _export(module: nn.Module, path: Path, outputs: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        module.eval(),
        (torch.zeros(1, 16_000),),
        str(path),
        input_names=["sound"],
        output_names=outputs,
        dynamic_axes={"sound": {1: "samples"}},
        opset_version=OPSET,
        dynamo=False,
    )


def quantise(source: Path, target: Path) -> None:
    """Store products and convolutions in int8, a scale for each output; spectra stay fp32.

    What goes into the last product of a layer of Whisper has outliers that int8 cannot hold: there, in
    convolutions, directions and ensembles, only the weights are rounded.
    """
    products = [node.name for node in onnx.load(source).graph.node if node.op_type == "MatMul"]
    sensitive = [name for name in products if "/down/" in name]
    kept = [name for name in products if not _is_large(name)] + sensitive
    quantize_dynamic(
        source,
        target,
        per_channel=True,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul"],
        nodes_to_exclude=kept,
    )
    graph = onnx.load(target).graph
    weights = [node.input[1] for node in graph.node if node.name in sensitive]
    round_tables(target, [*weights, *(t.name for t in graph.initializer if t.name.endswith(EVENED))])


def round_tables(path: Path, names: Sequence[str]) -> None:
    """Store these tables and all large kernels in int8; ONNX Runtime unfolds them when it loads.

    A scale for each column of a table and for each output of a kernel [outputs, inputs, ...].
    """
    model = onnx.load(path)
    graph = model.graph
    kernels = {node.input[1] for node in graph.node if node.op_type == "Conv"}
    for table in [table for table in graph.initializer if table.name in kernels.union(names)]:
        values = numpy_helper.to_array(table)
        if table.name in kernels and (table.name.endswith(tuple(BASES)) or values.size < LEAST_ROUNDED):
            continue
        inputs = tuple(range(1, values.ndim)) if table.name in kernels else -2
        scale = np.maximum(np.abs(values).max(axis=inputs, keepdims=True), 1e-12) / 127
        rounded = numpy_helper.from_array(np.rint(values / scale).astype(np.int8), f"{table.name}_rounded")
        scales = numpy_helper.from_array(scale.astype(np.float32), f"{table.name}_scales")
        graph.initializer.remove(table)
        graph.initializer.extend([rounded, scales])
        steps = f"{table.name}_steps"
        graph.node.insert(0, onnx.helper.make_node("Mul", [steps, scales.name], [table.name]))
        graph.node.insert(
            0, onnx.helper.make_node("Cast", [rounded.name], [steps], to=onnx.TensorProto.FLOAT)
        )
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _is_large(name: str) -> bool:
    return "/second/" in name or "/layers." in name


@dataclass(frozen=True)
class Basis:
    """How a Fourier basis is made while a graph is loaded.

    `turn` samples of the lowest wave, under `window`; `tables` and `steps` are what follows, from "windowed".
    """

    turn: int
    window: npt.NDArray[np.floating]
    tables: Mapping[str, npt.NDArray[np.generic]]
    steps: tuple[Step, ...]


BASES = {
    "log_mel.basis": Basis(WINDOW, hann(WINDOW), {}, ()),
    # Pre-emphasis (the sample before a frame's first counts as that one), and each frame's mean off.
    "filter_banks.basis": Basis(
        TURN,
        povey(WINDOW),
        {
            "emphasis": np.array(PREEMPHASIS, dtype=np.float32),
            "start": np.array([0]),
            "second": np.array([1]),
            "end": np.array([WINDOW]),
            "along": np.array([1]),
            "one_behind": np.array([0, 0, 0, 1]),
            "rest_behind": np.array([0, 0, 0, WINDOW - 1]),
        },
        (
            ("Slice", ["windowed", "second", "end", "along"], "later", {}),
            ("Pad", ["later", "one_behind"], "shifted", {}),
            ("Slice", ["windowed", "start", "second", "along"], "first", {}),
            ("Pad", ["first", "rest_behind"], "kept", {}),
            ("Add", ["shifted", "kept"], "before", {}),
            ("Mul", ["before", "emphasis"], "quieter", {}),
            ("Sub", ["windowed", "quieter"], "emphasised", {}),
            ("ReduceMean", ["emphasised"], "mean", {"axes": [1]}),
            ("Sub", ["emphasised", "mean"], "even", {}),
        ),
    ),
}


def compute_bases(path: Path) -> None:
    """Store how the Fourier bases [2 * bins, 1, window] are made in their place, a twentieth of the network.

    ONNX Runtime makes them when it loads.
    """
    model = onnx.load(path)
    graph = model.graph
    for stored in [table for table in graph.initializer if table.name.endswith(tuple(BASES))]:
        graph.initializer.remove(stored)
        basis = next(made for ending, made in BASES.items() if stored.name.endswith(ending))
        tables = {
            "bins": np.arange(basis.turn // 2 + 1, dtype=np.float32)[:, None],
            "samples": np.arange(WINDOW, dtype=np.float32)[None],
            "turn": np.array(basis.turn, dtype=np.float32),
            "radians": np.array(2 * np.pi / basis.turn, dtype=np.float32),
            "window": basis.window.astype(np.float32),
            "shape": np.array([2 * (basis.turn // 2 + 1), 1, WINDOW]),
            **basis.tables,
        }
        steps: list[Step] = [
            ("Mul", ["bins", "samples"], "angles", {}),
            # Whole turns are taken off while the numbers are whole, and so exact.
            ("Mod", ["angles", "turn"], "places", {"fmod": 1}),
            ("Mul", ["places", "radians"], "phases", {}),
            ("Cos", ["phases"], "cosines", {}),
            ("Sin", ["phases"], "sines", {}),
            ("Concat", ["cosines", "sines"], "waves", {"axis": 0}),
            ("Mul", ["waves", "window"], "windowed", {}),
            *basis.steps,
        ]
        steps.append(("Reshape", [steps[-1][2], "shape"], "basis", {}))
        own = stored.name.removesuffix("basis")
        graph.initializer.extend(numpy_helper.from_array(v, own + k) for k, v in tables.items())
        nodes = [
            onnx.helper.make_node(kind, [own + i for i in given], [own + made], **options)
            for kind, given, made, options in steps
        ]
        for node in reversed(nodes):
            graph.node.insert(0, node)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def store_half(path: Path, *, longest_kept: int = 50_000) -> None:
    """Store long fp32 tables as fp16, with a cast in front of their use; ONNX Runtime folds it when it loads.

    Args:
        path: the graph, changed in place.
        longest_kept: tables with fewer values stay as they are; so do the Fourier bases, whose range is
            needed.
    """
    model = onnx.load(path)
    graph = model.graph
    for table in list(graph.initializer):
        values = numpy_helper.to_array(table)
        if values.dtype != np.float32 or values.size < longest_kept or table.name.endswith(tuple(BASES)):
            continue
        half = numpy_helper.from_array(values.astype(np.float16), f"{table.name}_half")
        graph.initializer.remove(table)
        graph.initializer.append(half)
        cast = onnx.helper.make_node("Cast", [half.name], [table.name], to=onnx.TensorProto.FLOAT)
        graph.node.insert(0, cast)
    onnx.checker.check_model(model)
    onnx.save(model, path)
