"""The plain convolutions of the default face network in int8: half the time, the same answers.

Weights keep 7 bits: processors without VNNI add products of 8 by 8 bits up with saturation.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from training.export.face_graph import PLAIN

BATCH = 20


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
