"""Join encoders and heads into one ONNX graph; its large products in int8, its large tables in fp16."""

from collections.abc import Mapping, Sequence
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
from training.speech.train import BASE, READERS

OPSET = 17
USED = 4  # of the five statistics: mean, spread, max, min
# Tables whose rows were evened out, so that int8 with a scale for each column holds them.
EVENED = (".bases", ".first")
BASIS = "log_mel.basis"

Stored = Mapping[str, npt.NDArray[np.generic]]


def even_rows(table: npt.NDArray[np.generic]) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest value of each row, [..., rows], and the table [..., rows, columns] divided by it."""
    values = table.astype(np.float32)
    largest = np.maximum(np.abs(values).max(axis=-1), 1e-20)
    return torch.from_numpy(largest), torch.from_numpy(values / largest[..., None])


class EmotionReader(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """One encoder with its directions and its ensemble: log-mel to logits [1, 7] and directions [1, n].

    Args:
        encoder: the frozen encoder.
        fit: of `training.speech.train`.
        name: of the encoder in the fit.
    """

    def __init__(self, encoder: Encoder, fit: Stored, name: str) -> None:
        super().__init__()
        self.encoder = encoder
        for table in ("means", "first_bias", "second", "second_bias"):
            self.register_buffer(table, torch.from_numpy(fit[f"{name}_{table}"].astype(np.float32)))
        for table in ("bases", "first"):
            scale, even = even_rows(fit[f"{name}_{table}"])
            self.register_buffer(f"{table}_scale", scale)
            self.register_buffer(table, even)

    def forward(self, spectrum: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give logits and directions."""
        pooled = self.encoder.of_spectrum(spectrum).reshape(MAPS, len(STATISTICS), -1)
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

    def __init__(self, encoders: Mapping[str, Encoder], fit: Stored, gate: Stored) -> None:
        super().__init__()
        self.log_mel = encoders[BASE].log_mel
        self.readers = nn.ModuleDict({name: EmotionReader(encoders[name], fit, name) for name in READERS})
        for name in ("voice", "axes", "centres"):
            self.register_buffer(name, torch.from_numpy(fit[name].astype(np.float32)))
        self.register_buffer("gate", torch.from_numpy(gate["weight"].astype(np.float32)))
        self.register_buffer("gate_bias", torch.from_numpy(gate["bias"].astype(np.float32)))

    def forward(self, sound: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Give logits, speech and voice."""
        spectrum = self.log_mel(sound)
        logits, directions = self.readers[BASE](spectrum)
        logits = READERS[BASE].share * logits
        for name, reader in READERS.items():
            if name != BASE:
                logits = logits + reader.share * self.readers[name](spectrum)[0]
        speech = torch.sigmoid(directions @ self.gate + self.gate_bias)
        return logits / self.distance(directions) ** SOFTENING, speech, directions @ self.voice

    def distance(self, directions: torch.Tensor) -> torch.Tensor:
        """How far the directions [1, n] lie from what was learned from, as `Familiarity.distance`: [1, 1]."""
        seen = directions.reshape(MAPS, -1)[:, :SEEN].reshape(1, -1)
        squares = (seen @ self.axes - self.centres).square().sum(dim=1)
        return squares.amin().sqrt().reshape(1, 1)


def load_encoders(folder: Path) -> dict[str, Encoder]:
    """The encoders of READERS, of what `training.third_party.whisper` wrote into a folder."""
    return {name: load_encoder(folder / f"{name}.npz") for name in READERS}


def export_encoder(encoder: Encoder, path: Path) -> None:
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
    """Store the encoder's products in int8, a scale for each output; the spectrum stays fp32.

    What goes into the last product of a layer has outliers that int8 cannot hold: there, and in directions
    and ensembles, only the weights are rounded.
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
    """Store these tables in int8, a scale for each column; ONNX Runtime unfolds them when it loads."""
    model = onnx.load(path)
    graph = model.graph
    for table in [table for table in graph.initializer if table.name in names]:
        values = numpy_helper.to_array(table)
        scale = np.maximum(np.abs(values).max(axis=-2, keepdims=True), 1e-12) / 127
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


def compute_basis(path: Path) -> None:
    """Store how the Fourier basis [2 * bins, 1, window] is made in its place, a fiftieth of the network.

    ONNX Runtime makes it when it loads.
    """
    model = onnx.load(path)
    graph = model.graph
    (basis,) = [table for table in graph.initializer if table.name.endswith(BASIS)]
    graph.initializer.remove(basis)
    tables = {
        "bins": np.arange(WINDOW // 2 + 1, dtype=np.float32)[:, None],
        "samples": np.arange(WINDOW, dtype=np.float32)[None],
        "turn": np.array(WINDOW, dtype=np.float32),
        "radians": np.array(2 * np.pi / WINDOW, dtype=np.float32),
        "hann": hann(WINDOW).astype(np.float32),
        "shape": np.array([2 * (WINDOW // 2 + 1), 1, WINDOW]),
    }
    graph.initializer.extend(numpy_helper.from_array(v, f"fourier_{k}") for k, v in tables.items())
    steps: list[tuple[str, list[str], str, dict[str, int]]] = [
        ("Mul", ["bins", "samples"], "angles", {}),
        # Whole turns are taken off while the numbers are whole, and so exact.
        ("Mod", ["angles", "turn"], "places", {"fmod": 1}),
        ("Mul", ["places", "radians"], "phases", {}),
        ("Cos", ["phases"], "cosines", {}),
        ("Sin", ["phases"], "sines", {}),
        ("Concat", ["cosines", "sines"], "waves", {"axis": 0}),
        ("Mul", ["waves", "hann"], "windowed", {}),
    ]
    nodes = [
        onnx.helper.make_node(kind, [f"fourier_{i}" for i in given], [f"fourier_{made}"], **options)
        for kind, given, made, options in steps
    ]
    nodes.append(onnx.helper.make_node("Reshape", ["fourier_windowed", "fourier_shape"], [basis.name]))
    for node in reversed(nodes):
        graph.node.insert(0, node)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def store_half(path: Path, *, longest_kept: int = 50_000) -> None:
    """Store long fp32 tables as fp16, with a cast in front of their use; ONNX Runtime folds it when it loads.

    Args:
        path: the graph, changed in place.
        longest_kept: tables with fewer values stay as they are; so does the Fourier basis, whose range is
            needed.
    """
    model = onnx.load(path)
    graph = model.graph
    for table in list(graph.initializer):
        values = numpy_helper.to_array(table)
        if values.dtype != np.float32 or values.size < longest_kept or table.name.endswith(BASIS):
            continue
        half = numpy_helper.from_array(values.astype(np.float16), f"{table.name}_half")
        graph.initializer.remove(table)
        graph.initializer.append(half)
        cast = onnx.helper.make_node("Cast", [half.name], [table.name], to=onnx.TensorProto.FLOAT)
        graph.node.insert(0, cast)
    onnx.checker.check_model(model)
    onnx.save(model, path)
