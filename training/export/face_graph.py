"""Face networks as ONNX graphs, written node by node, so that what ships is exactly what the card says.

Everything between the uint8 crop and the logits stands in the graph. Weights are stored as float16 and cast
to float32 when the graph is loaded: half the size, float32 arithmetic. `training.export.face_int8` then
rounds the large ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from training.face.crops import DEFAULT_SIDE, PAPER_SIDE
from training.face.network import BLOCKS, MEANS_BGR
from training.face.paper_network import WIDTHS
from training.face.plain_network import LEAST_SPREAD, LUMA, SIDE

OPSET = 17
IR_VERSION = 8
# How the names of the second network begin.
PLAIN = "plain."

DEFAULT_SOURCE = helper.make_tensor_value_info(
    "faces", TensorProto.UINT8, ["n", DEFAULT_SIDE, DEFAULT_SIDE, 3]
)

Array = npt.NDArray[np.float32]
State = Mapping[str, Array]


@dataclass
class GraphWriter:
    """Collects nodes and initialisers; each method adds one operation and gives the name of its output."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initialisers: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self.initialisers.append(numpy_helper.from_array(value, name))
        return name

    def weight(self, name: str, value: Array) -> str:
        """A weight kept as float16 and read as float32."""
        stored = self.constant(f"{name}.half", value.astype(np.float16))
        return self.add("Cast", [stored], name, to=TensorProto.FLOAT)

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(
            helper.make_node(operator, list(inputs), [output], name=f"{operator}:{output}", **attributes)
        )
        return output

    def convolution(self, source: str, name: str, weight: Array, bias: Array, **attributes: Any) -> str:
        inputs = [
            source,
            self.weight(f"{name}.weight", weight),
            self.constant(f"{name}.bias", bias.astype(np.float32)),
        ]
        return self.add("Conv", inputs, f"{name}.sum", **attributes)

    def linear(self, source: str, name: str, weight: Array, bias: Array, output: str) -> str:
        inputs = [
            source,
            self.weight(f"{name}.weight", weight),
            self.constant(f"{name}.bias", bias.astype(np.float32)),
        ]
        return self.add("Gemm", inputs, output, transB=1)

    def finish(
        self, name: str, source: onnx.ValueInfoProto, outputs: Sequence[tuple[str, int]]
    ) -> onnx.ModelProto:
        """Close the graph, check it, and give the model."""
        infos = [helper.make_tensor_value_info(out, TensorProto.FLOAT, ["n", size]) for out, size in outputs]
        graph = helper.make_graph(self.nodes, name, [source], infos, self.initialisers)
        imports = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(
            graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="emotion-server"
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def trunk_of(state: State) -> dict[str, Array]:
    """The trunk's part of a `FaceNetwork`'s state, named as in a `Trunk`'s."""
    return {name.removeprefix("trunk."): value for name, value in state.items() if name.startswith("trunk.")}


def write_layer(
    writer: GraphWriter, trunk: State, source: str, layer: str, name: str, *, stride: int, groups: int
) -> str:
    """A convolution of the trunk and ReLU6; the names of its nodes begin with `name`."""
    weight = trunk[f"{layer}.weight"]
    if layer == "conv1":
        # The picture is RGB, the network learned BGR: its first kernels are turned instead.
        weight = weight[:, ::-1]
    edge = 0 if weight.shape[-1] == 1 else 1
    # TensorFlow's SAME: with stride 2 only the right and the lower edge are padded.
    pads = [edge if stride == 1 else 0] * 2 + [edge] * 2
    strides = [stride, stride]
    bias = trunk[f"{layer}.bias"]
    summed = writer.convolution(
        source, f"{name}{layer}", weight.copy(), bias, strides=strides, pads=pads, group=groups
    )
    return writer.add("Clip", [summed, "zero", "six"], f"{name}{layer}")


def write_stem(writer: GraphWriter, trunk: State, source: str, name: str = "") -> str:
    """The convolution before the blocks, on `source`, [n, 3, S, S]."""
    return write_layer(writer, trunk, source, "conv1", name, stride=2, groups=1)


def write_blocks(writer: GraphWriter, trunk: State, stem: str, name: str = "") -> str:
    """The eleven blocks on what the stem gives: [n, 512, S/16, S/16]."""
    current, width = stem, 32
    for number, (out, stride) in enumerate(BLOCKS, 1):
        current = write_layer(writer, trunk, current, f"conv_dw_{number}", name, stride=stride, groups=width)
        current = write_layer(writer, trunk, current, f"conv_pw_{number}", name, stride=1, groups=1)
        width = out
    return current


def resizing(side: int, smaller: int) -> Array:
    """Means over areas, as a matrix: [smaller, side] @ [side, ...] gives the smaller picture's rows."""
    edges = np.arange(smaller + 1) * side / smaller
    low, high = edges[:-1, None], edges[1:, None]
    pixels = np.arange(side)[None]
    covered = np.minimum(high, pixels + 1) - np.maximum(low, pixels)
    return np.asarray(np.clip(covered, 0, None) * smaller / side, np.float32)


def folded(state: State, convolution: str, norm: str) -> tuple[Array, Array]:
    """Kernel and bias of a convolution (which may have none), the batch norm behind it folded in."""
    scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + 1e-5)
    weight = state[f"{convolution}.weight"] * scale.reshape(-1, 1, 1, 1)
    bias = (state.get(f"{convolution}.bias", 0.0) - state[f"{norm}.running_mean"]) * scale
    return weight.astype(np.float32), (bias + state[f"{norm}.bias"]).astype(np.float32)


def write_small(writer: GraphWriter, source: str) -> str:
    """What the plain networks look at: `source`, float [n, 112, 112, 3], grey, small and of one light."""
    luma = writer.constant(f"{PLAIN}luma", np.array(LUMA, np.float32)[:, None] / 255)
    grey = writer.add("MatMul", [source, luma], f"{PLAIN}grey")
    last = writer.constant(f"{PLAIN}last", np.array([3], np.int64))
    picture = writer.add("Squeeze", [grey, last], f"{PLAIN}picture")
    smaller = resizing(DEFAULT_SIDE, SIDE)
    rows = writer.add("MatMul", [writer.constant(f"{PLAIN}rows", smaller), picture], f"{PLAIN}fewer_rows")
    columns = writer.constant(f"{PLAIN}columns", smaller.T.copy())
    small = writer.add("MatMul", [rows, columns], f"{PLAIN}small")
    light = writer.add("ReduceMean", [small], f"{PLAIN}light", axes=[1, 2])
    centred = writer.add("Sub", [small, light], f"{PLAIN}centred")
    square = writer.add("Mul", [centred, centred], f"{PLAIN}square")
    variance = writer.add("ReduceMean", [square], f"{PLAIN}variance", axes=[1, 2])
    spread = writer.add("Sqrt", [variance], f"{PLAIN}spread")
    least = writer.constant(f"{PLAIN}least", np.array(LEAST_SPREAD, np.float32))
    scaled = writer.add(
        "Div", [centred, writer.add("Add", [spread, least], f"{PLAIN}safe")], f"{PLAIN}scaled"
    )
    plane = writer.constant(f"{PLAIN}plane", np.array([1], np.int64))
    return writer.add("Unsqueeze", [scaled, plane], f"{PLAIN}planes")


def write_plain(writer: GraphWriter, state: State, source: str, name: str) -> str:
    """A network of plain convolutions on `source`, [n, 1, 48, 48]; gives its pooled values.

    The names of its nodes begin with `name`.
    """
    current = source
    stages = len({key.split(".")[1] for key in state if key.startswith("stages.")})
    for number in range(stages):
        for part in ("first", "second"):
            layer = f"stages.{number}.{part}"
            weights = folded(state, layer, f"{layer}_norm")
            kernel = [
                writer.constant(f"{name}{layer}.{kind}", value)
                for kind, value in zip(("weight", "bias"), weights, strict=True)
            ]
            # In float32: `training.export.face_int8` rounds them.
            summed = writer.add("Conv", [current, *kernel], f"{name}{layer}.sum", pads=[1, 1, 1, 1])
            if part == "second":
                summed = writer.add("Add", [current, summed], f"{name}{layer}.joined")
            current = writer.add("Relu", [summed], f"{name}{layer}.positive")
        if number < stages - 1:
            pooled = f"{name}{number}.pooled"
            current = writer.add("MaxPool", [current], pooled, kernel_shape=[2, 2], strides=[2, 2])
    mean = writer.add("ReduceMean", [current], f"{name}mean", axes=[2, 3], keepdims=0)
    highest = writer.add("ReduceMax", [current], f"{name}highest", axes=[2, 3], keepdims=0)
    return writer.add("Concat", [mean, highest], f"{name}values", axis=1)


def default_graph(
    state: State,
    head: tuple[Array, Array],
    plain: Sequence[tuple[State, tuple[Array, Array]]] = (),
) -> onnx.ModelProto:
    """`faces` uint8 [n, 112, 112, 3] RGB -> `logits` [n, 7].

    Args:
        state: a `FaceNetwork`'s.
        head: weight [7, 1024] and bias [7] of the head that ships.
        plain: of each `PlainNetwork` beside it, its state and its head [7, 640] and [7], whose logits are
            added.
    """
    writer = GraphWriter()
    numbers = writer.add("Cast", ["faces"], "numbers", to=TensorProto.FLOAT)
    means = writer.constant("means", np.array(MEANS_BGR[::-1], np.float32))
    centred = writer.add("Sub", [numbers, means], "centred")
    planes = writer.add("Transpose", [centred], "planes", perm=[0, 3, 1, 2])
    for limit, value in (("zero", 0), ("six", 6)):
        writer.constant(limit, np.array(value, np.float32))
    trunk = trunk_of(state)
    last = write_blocks(writer, trunk, write_stem(writer, trunk, planes))

    places = state["places"].reshape(512, 49).astype(np.float64)
    places = np.exp(places - places.max(1, keepdims=True))
    places = (places / places.sum(1, keepdims=True)).reshape(512, 7, 7).astype(np.float32)
    weighted = writer.add("Mul", [last, writer.constant("places", places)], "weighted")
    axes = writer.constant("map_axes", np.array([2, 3], np.int64))
    looked = writer.add("ReduceSum", [weighted, axes], "looked", keepdims=0)
    mean = writer.add("ReduceMean", [last], "mean", axes=[2, 3], keepdims=0)
    pooled = writer.add("Concat", [mean, looked], "pooled", axis=1)
    if not plain:
        writer.linear(pooled, "head", *head, "logits")
    else:
        answers = [writer.linear(pooled, "head", *head, "head.logits")]
        small = write_small(writer, numbers)
        for number, (beside, beside_head) in enumerate(plain):
            name = f"{PLAIN}{number}."
            values = write_plain(writer, beside, small, name)
            answers.append(writer.linear(values, f"{name}head", *beside_head, f"{name}logits"))
        writer.add("Sum", answers, "logits")

    return writer.finish("face-default", DEFAULT_SOURCE, [("logits", 7)])


def paper_graph(state: State) -> onnx.ModelProto:
    """`faces` uint8 [n, 48, 48] grey -> `logits` [n, 7]. `state` is a `PaperNetwork`'s."""
    writer = GraphWriter()
    numbers = writer.add("Cast", ["faces"], "numbers", to=TensorProto.FLOAT)
    scaled = writer.add(
        "Div", [numbers, writer.constant("half_range", np.array(127.5, np.float32))], "scaled"
    )
    centred = writer.add("Sub", [scaled, writer.constant("one", np.array(1, np.float32))], "centred")
    current = writer.add("Unsqueeze", [centred, writer.constant("plane", np.array([1], np.int64))], "planes")
    for number in range(len(WIDTHS)):
        weights = folded(state, f"features.{4 * number}", f"features.{4 * number + 1}")
        summed = writer.convolution(current, f"conv_{number + 1}", *weights, pads=[1, 1, 1, 1])
        positive = writer.add("Relu", [summed], f"conv_{number + 1}.positive")
        pooled_name = f"conv_{number + 1}.pooled"
        current = writer.add("MaxPool", [positive], pooled_name, kernel_shape=[2, 2], strides=[2, 2])
    flat = writer.add("Flatten", [current], "flat")
    hidden = writer.linear(flat, "hidden", state["head.2.weight"], state["head.2.bias"], "hidden.sum")
    active = writer.add("Relu", [hidden], "hidden.positive")
    writer.linear(active, "head", state["head.5.weight"], state["head.5.bias"], "logits")
    source = helper.make_tensor_value_info("faces", TensorProto.UINT8, ["n", PAPER_SIDE, PAPER_SIDE])
    return writer.finish("face-paper", source, [("logits", 7)])
