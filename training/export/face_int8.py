"""The default face network in int8.

The plain convolutions are computed in int8: half the time, the same answers. Their weights keep 7 bits:
processors without VNNI add products of 8 by 8 bits up with saturation. The large kernels of the trunks are
only stored so, half of float16's size, and computed with in float32.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from training.export.face_graph import PLAIN

BATCH = 20
# Kernels with fewer weights stay float16: little would be saved.
LARGE = 65_536


class _Crops(CalibrationDataReader):  # type: ignore[misc]  # untyped there
    def __init__(self, crops: npt.NDArray[np.uint8]) -> None:
        self._batches: Iterator[npt.NDArray[np.uint8]] = iter(
            [crops[begin : begin + BATCH] for begin in range(0, len(crops), BATCH)]
        )

    def get_next(self) -> dict[str, npt.NDArray[np.uint8]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"faces": batch}


def round_plain(model: onnx.ModelProto, crops: npt.NDArray[np.uint8]) -> onnx.ModelProto:
    """Give the graph with its plain convolutions in int8, a scale for each output channel.

    Args:
        model: of `training.export.face_graph.default_graph`, with both networks.
        crops: uint8 [n, 112, 112, 3], to see how far values go; of pictures that were learned from.
    """
    convolutions = [
        node.name for node in model.graph.node if node.op_type == "Conv" and node.output[0].startswith(PLAIN)
    ]
    with tempfile.TemporaryDirectory() as folder:
        whole, rounded = Path(folder) / "whole.onnx", Path(folder) / "rounded.onnx"
        onnx.save(model, whole)
        quantize_static(
            whole,
            rounded,
            _Crops(crops),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=convolutions,
        )
        found = onnx.load(rounded)
    onnx.checker.check_model(found, full_check=True)
    return found


def rounded(kernel: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """A kernel [out, ...] as int8 and the scale [out, 1, ...] of each output channel."""
    values = kernel.astype(np.float32)
    highest = np.abs(values).max(tuple(range(1, values.ndim)), keepdims=True)
    scale = np.maximum(highest, np.finfo(np.float16).tiny) / 127
    return np.rint(values / scale).astype(np.int8), scale.astype(np.float32)


def round_kernels(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give the graph with its large float16 weights stored as int8; what is int8 already stays.

    `Cast` and `Mul` read them, which ONNX Runtime does once, when it loads the graph: a `DequantizeLinear` it
    would keep for every run.
    """
    found = onnx.ModelProto()
    found.CopyFrom(model)
    graph = found.graph
    large = {
        table.name: numpy_helper.to_array(table)
        for table in graph.initializer
        if table.data_type == TensorProto.FLOAT16 and np.prod(table.dims) >= LARGE
    }
    tables = [table for table in graph.initializer if table.name not in large]
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type != "Cast" or node.input[0] not in large:
            nodes.append(node)
            continue
        name = node.output[0]
        parts = zip(("int8", "scale"), rounded(large[node.input[0]]), strict=True)
        tables += [numpy_helper.from_array(value, f"{name}.{kind}") for kind, value in parts]
        whole, scaled = f"{name}.whole", [f"{name}.whole", f"{name}.scale"]
        nodes.append(
            helper.make_node("Cast", [f"{name}.int8"], [whole], name=f"Cast:{name}", to=TensorProto.FLOAT)
        )
        nodes.append(helper.make_node("Mul", scaled, [name], name=f"Mul:{name}"))
    for field, values in ((graph.node, nodes), (graph.initializer, tables)):
        del field[:]
        field.extend(values)
    onnx.checker.check_model(found, full_check=True)
    return found
