"""Join encoder and heads into one ONNX graph; its large products in int8, its large tables in fp16."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn
from torch.nn import functional

from training.speech.network import MAPS, STATISTICS, WIDTH, Encoder

OPSET = 17
USED = 4  # of the five statistics: mean, spread, max, min

Stored = dict[str, npt.NDArray[np.generic]]


class SpeechNetwork(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Sound [1, samples] to logits [1, 7], probability of speech [1, 1] and voice [1, 7].

    Args:
        encoder: the frozen encoder.
        fit: of `training.speech.train`, the one that ships.
        gate: weight [directions, 1] and bias [1] of `training.speech.gate`.
    """

    def __init__(self, encoder: Encoder, fit: Stored, gate: Stored) -> None:
        super().__init__()
        self.encoder = encoder
        for name in ("means", "bases", "first", "first_bias", "second", "second_bias", "voice"):
            self.register_buffer(name, torch.from_numpy(fit[name].astype(np.float32)))
        self.register_buffer("gate", torch.from_numpy(gate["weight"].astype(np.float32)))
        self.register_buffer("gate_bias", torch.from_numpy(gate["bias"].astype(np.float32)))

    def forward(self, sound: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Give logits, speech and voice."""
        pooled = (
            self.encoder(sound).reshape(MAPS, len(STATISTICS), WIDTH)[:, :USED].reshape(MAPS, 1, USED * WIDTH)
        )
        directions = ((pooled - self.means[:, None]) @ self.bases).reshape(1, -1)
        hidden = functional.gelu(directions @ self.first + self.first_bias)
        logits = hidden @ self.second + self.second_bias
        return logits, torch.sigmoid(directions @ self.gate + self.gate_bias), directions @ self.voice


def export_encoder(encoder: Encoder, path: Path) -> None:
    """Write the fp32 graph: `sound` float32 [1, samples] to `pooled` float32 [1, 12800]."""
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
    """Store the encoder's products in int8, a scale for each output; spectrum and heads stay fp32.

    What goes into the last product of a layer has outliers that int8 cannot hold: there only the weights are
    rounded.
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
    _round_weights(target, sensitive)


def _round_weights(path: Path, products: Sequence[str]) -> None:
    """Store the weights of these products in int8, a scale for each output; ONNX Runtime unfolds them."""
    model = onnx.load(path)
    graph = model.graph
    tables = {table.name: table for table in graph.initializer}
    for node in [node for node in graph.node if node.name in products]:
        table = tables[node.input[1]]
        values = numpy_helper.to_array(table)
        scale = np.maximum(np.abs(values).max(axis=0), 1e-12) / 127
        rounded = numpy_helper.from_array(np.rint(values / scale).astype(np.int8), f"{table.name}_rounded")
        scales = numpy_helper.from_array(scale.astype(np.float32), f"{table.name}_scale")
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


def store_half(path: Path, *, longest_kept: int = 200_000, exact: tuple[str, ...] = ("basis",)) -> None:
    """Store long fp32 tables as fp16, with a cast in front of their use; ONNX Runtime folds it when it loads.

    Args:
        path: the graph, changed in place.
        longest_kept: tables with fewer values stay as they are.
        exact: tables whose name ends so stay as they are (the Fourier basis needs its range).
    """
    model = onnx.load(path)
    graph = model.graph
    for table in list(graph.initializer):
        values = numpy_helper.to_array(table)
        if values.dtype != np.float32 or values.size < longest_kept or table.name.endswith(exact):
            continue
        if table.name.endswith("log_mel.basis"):
            continue
        half = numpy_helper.from_array(values.astype(np.float16), f"{table.name}_half")
        graph.initializer.remove(table)
        graph.initializer.append(half)
        cast = onnx.helper.make_node("Cast", [half.name], [table.name], to=onnx.TensorProto.FLOAT)
        graph.node.insert(0, cast)
    onnx.checker.check_model(model)
    onnx.save(model, path)
