"""EdgeFace's graph written node by node with the published weights: `training.third_party.edgeface`.

EdgeNeXt (Maaz et al., ECCV Workshops 2022) with linear layers of two factors (George et al. 2024). Rows
[n * places, channels] go through linear layers and norms, maps [n, channels, side, side] through
convolutions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

SIDE = 112
HEADS = 4
# Of each stage: channels, blocks of plain convolutions, and into how many parts its last block cuts them.
STAGES = ((32, 3, 0), (64, 2, 2), (100, 8, 3), (192, 2, 4))
VALUES = 116
# Tables with fewer weights stay float16, and kernels of depthwise convolutions.
LARGE = 1_024
OPSET = 20
IR_VERSION = 9
# Of timm's layer norms.
EPSILON = 1e-6

Array = npt.NDArray[np.float32]


class Published:
    """The tensors of the published graph by the names that they were learned under."""

    def __init__(self, content: bytes) -> None:
        self._model = onnx.load_from_string(content)
        graph = self._model.graph
        self._tensors = {table.name: numpy_helper.to_array(table) for table in graph.initializer}
        self._made = {name: node for node in graph.node for name in node.output}
        self._read = {name: node for node in graph.node for name in node.input}

    def __getitem__(self, name: str) -> Array:
        return np.asarray(self._tensors[f"model.{name}"], np.float32)

    def low_rank(self, name: str) -> tuple[Array, Array, Array]:
        """Both factors [in, rank], [rank, out] and the bias of a linear layer that was learned as two."""
        bias = f"model.{name}.linear2.bias"
        last = self._read[bias]
        if last.op_type == "Gemm":
            first = self._made[last.input[0]]
            factors = [self._tensors[node.input[1]].T for node in (first, last)]
        else:
            second = self._made[next(source for source in last.input if source != bias)]
            factors = [self._tensors[node.input[1]] for node in (self._made[second.input[0]], second)]
        return factors[0].astype(np.float32), factors[1].astype(np.float32), self[f"{name}.linear2.bias"]

    def positions(self, name: str) -> Array | None:
        """What is added to each place of a map, if anything: worked out in every run there, always alike."""
        weight = f"model.{name}.token_projection.weight"
        if weight not in self._tensors:
            return None
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        output = self._read[weight].output[0]
        model.graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, None))
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        picture = np.zeros((1, 3, SIDE, SIDE), np.float32)
        (found,) = session.run([output], {session.get_inputs()[0].name: picture})
        return np.asarray(found, np.float32)


@dataclass
class Writer:
    """Collects nodes and weights; each method adds one operation and gives the name of its output."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    tensors: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self.tensors.append(numpy_helper.from_array(value, name))
        return name

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name=output, **attributes))
        return output

    def weight(self, name: str, value: Array, outputs: int) -> str:
        """A weight, stored small; `outputs` is the axis of its outputs, each of which has a scale."""
        if value.size < LARGE or (value.ndim == 4 and value.shape[1] == 1):
            stored = self.constant(f"{name}.half", value.astype(np.float16))
            return self.add("Cast", [stored], name, to=TensorProto.FLOAT)
        others = tuple(axis for axis in range(value.ndim) if axis != outputs)
        scale = np.maximum(np.abs(value).max(others, keepdims=True), 1e-12) / 127
        whole = self.constant(f"{name}.int8", np.rint(value / scale).astype(np.int8))
        numbers = self.add("Cast", [whole], f"{name}.whole", to=TensorProto.FLOAT)
        return self.add("Mul", [numbers, self.constant(f"{name}.scale", scale.astype(np.float32))], name)

    def convolution(self, source: str, name: str, published: Published, **attributes: Any) -> str:
        weight = self.weight(f"{name}.weight", published[f"{name}.weight"], 0)
        bias = self.constant(f"{name}.bias", published[f"{name}.bias"])
        return self.add("Conv", [source, weight, bias], f"{name}.sum", **attributes)

    def norm(self, source: str, name: str, published: Published, output: str) -> str:
        tensors = [self.constant(full, published[full]) for full in (f"{name}.weight", f"{name}.bias")]
        return self.add("LayerNormalization", [source, *tensors], output, axis=-1, epsilon=EPSILON)

    def linear(self, source: str, name: str, published: Published, scale: Array | None = None) -> str:
        """A linear layer of two factors on rows [m, in]; `scale` multiplies what it gives."""
        first, second, bias = published.low_rank(name)
        if scale is not None:
            second, bias = second * scale, bias * scale
        less = self.add("MatMul", [source, self.weight(f"{name}.first", first, 1)], f"{name}.less")
        tensors = [self.weight(f"{name}.second", second, 1), self.constant(f"{name}.bias", bias)]
        return self.add("Gemm", [less, *tensors], f"{name}.sum")

    def shape(self, *sizes: int) -> str:
        name = f"shape_{'_'.join(str(size) for size in sizes)}"
        if all(tensor.name != name for tensor in self.tensors):
            self.constant(name, np.array(sizes, np.int64))
        return name


def write_mixing(writer: Writer, source: str, name: str, published: Published, rows: str) -> str:
    """Norm and the two linear layers at the end of every block, on rows; gives the sum with `source`."""
    normed = writer.norm(rows, f"{name}.norm", published, f"{name}.normed")
    wide = writer.linear(normed, f"{name}.mlp.fc1", published)
    active = writer.add("Gelu", [wide], f"{name}.active", approximate="tanh")
    narrow = writer.linear(active, f"{name}.mlp.fc2", published, published[f"{name}.gamma"])
    return writer.add("Add", [source, narrow], name)


def write_plain_block(writer: Writer, source: str, name: str, published: Published, side: int) -> str:
    """A depthwise convolution and two linear layers; `source` and what it gives are rows [n * places, c]."""
    width = published[f"{name}.gamma"].size
    planes = to_planes(writer, source, name, side, width)
    edge = published[f"{name}.conv_dw.weight"].shape[-1] // 2
    summed = writer.convolution(planes, f"{name}.conv_dw", published, group=width, pads=[edge] * 4)
    return write_mixing(writer, source, name, published, to_rows(writer, summed, f"{name}.conv_dw", width))


def to_planes(writer: Writer, rows: str, name: str, side: int, width: int) -> str:
    """Rows [n * side * side, width] as maps [n, width, side, side]."""
    places = writer.add("Reshape", [rows, writer.shape(-1, side, side, width)], f"{name}.places")
    return writer.add("Transpose", [places], f"{name}.planes", perm=[0, 3, 1, 2])


def to_rows(writer: Writer, planes: str, name: str, width: int) -> str:
    """The other way round."""
    places = writer.add("Transpose", [planes], f"{name}.turned", perm=[0, 2, 3, 1])
    return writer.add("Reshape", [places, writer.shape(-1, width)], f"{name}.rows")


def write_split_block(writer: Writer, source: str, name: str, published: Published, side: int) -> str:
    """The last block of a stage: convolutions one after the other on parts of the channels, and attention
    between channels (EdgeNeXt's split depthwise transpose attention)."""
    width = published[f"{name}.gamma"].size
    parts = next(parts for channels, _, parts in STAGES if channels == width)
    planes = to_planes(writer, source, name, side, width)
    each = -(-width // parts)
    sizes = [each] * (parts - 1) + [width - each * (parts - 1)]
    pieces = [f"{name}.part_{number}" for number in range(parts)]
    writer.nodes.append(
        helper.make_node(
            "Split", [planes, writer.constant(f"{name}.sizes", np.array(sizes, np.int64))], pieces, axis=1
        )
    )
    mixed: list[str] = []
    for number, piece in enumerate(pieces[:-1]):
        given = piece if not mixed else writer.add("Add", [mixed[-1], piece], f"{piece}.joined")
        layer = f"{name}.convs.{number}"
        mixed.append(writer.convolution(given, layer, published, group=each, pads=[1] * 4))
    joined = writer.add("Concat", [*mixed, pieces[-1]], f"{name}.joined", axis=1)
    if (positions := published.positions(f"{name}.pos_embd")) is not None:
        where = writer.constant(f"{name}.positions", positions)
        joined = writer.add("Add", [joined, where], f"{name}.placed")
    rows = to_rows(writer, joined, f"{name}.xca", width)
    seen = write_attention(writer, rows, name, published, side)
    return write_mixing(writer, source, name, published, seen)


def write_attention(writer: Writer, rows: str, name: str, published: Published, side: int) -> str:
    """Attention between channels: what each says over all places, compared (XCA, El-Nouby et al. 2021)."""
    width = published[f"{name}.gamma"].size
    each = width // HEADS
    normed = writer.norm(rows, f"{name}.norm_xca", published, f"{name}.xca.normed")
    asked = writer.linear(normed, f"{name}.xca.qkv", published)
    tokens = writer.add("Reshape", [asked, writer.shape(-1, side * side, 3 * width)], f"{name}.tokens")
    turned = writer.add("Transpose", [tokens], f"{name}.channels", perm=[0, 2, 1])
    shape = writer.shape(-1, HEADS, each, side * side)
    parts = [f"{name}.{kind}.flat" for kind in ("query", "key", "value")]
    writer.nodes.append(
        helper.make_node(
            "Split",
            [turned, writer.constant(f"{name}.thirds", np.array([width] * 3, np.int64))],
            parts,
            axis=1,
        )
    )
    kinds = [writer.add("Reshape", [part, shape], part.removesuffix(".flat")) for part in parts]
    query, key = (unit_rows(writer, kind) for kind in kinds[:2])
    keys = writer.add("Transpose", [key], f"{key}.turned", perm=[0, 1, 3, 2])
    warmth = writer.constant(f"{name}.temperature", published[f"{name}.xca.temperature"])
    alike = writer.add("MatMul", [query, keys], f"{name}.alike")
    scaled = writer.add("Mul", [alike, warmth], f"{name}.scaled")
    shares = writer.add("Softmax", [scaled], f"{name}.shares", axis=-1)
    answer = writer.add("MatMul", [shares, kinds[2]], f"{name}.answer")
    flat = writer.add("Reshape", [answer, writer.shape(-1, width, side * side)], f"{name}.answer.flat")
    back = writer.add("Transpose", [flat], f"{name}.answer.turned", perm=[0, 2, 1])
    answers = writer.add("Reshape", [back, writer.shape(-1, width)], f"{name}.answer.rows")
    scale = published[f"{name}.gamma_xca"]
    projected = writer.linear(answers, f"{name}.xca.proj", published, scale)
    return writer.add("Add", [rows, projected], f"{name}.xca")


def unit_rows(writer: Writer, source: str) -> str:
    """`source` divided by its length over the last axis."""
    length = writer.add("ReduceL2", [source, writer.shape(3)], f"{source}.length", keepdims=1)
    least = f"{source}.least"
    writer.constant(least, np.array(1e-12, np.float32))
    safe = writer.add("Max", [length, least], f"{source}.safe")
    return writer.add("Div", [source, safe], f"{source}.unit")


def last_layer(published: Published) -> tuple[Array, Array, Array]:
    """The last linear layer with its 512 outputs turned into the 116 directions that they can reach.

    A turn leaves every cosine as it is: with [second; bias] = R Q, rows of Q orthonormal, R is what is left.
    """
    first, second, bias = published.low_rank("head.fc")
    reached = np.vstack([second, bias]).astype(np.float64)
    _, upper = np.linalg.qr(reached.T)
    turned = upper.T
    return first, turned[:-1].astype(np.float32), turned[-1].astype(np.float32)


def convert(content: bytes) -> onnx.ModelProto:
    """The graph that is described above."""
    published, writer = Published(content), Writer()
    numbers = writer.add("Cast", ["faces"], "numbers", to=TensorProto.FLOAT)
    half = writer.constant("half_range", np.array(127.5, np.float32))
    scaled = writer.add("Div", [writer.add("Sub", [numbers, half], "centred"), half], "scaled")
    planes = writer.add("Transpose", [scaled], "planes", perm=[0, 3, 1, 2])
    stem = writer.convolution(planes, "stem.0", published, strides=[4, 4])
    rows = writer.norm(to_rows(writer, stem, "stem", STAGES[0][0]), "stem.1", published, "stem")
    side = SIDE // 4
    for stage, (width, plain, parts) in enumerate(STAGES):
        name = f"stages.{stage}"
        if stage > 0:
            before = STAGES[stage - 1][0]
            normed = writer.norm(rows, f"{name}.downsample.0", published, f"{name}.normed")
            planes = to_planes(writer, normed, name, side, before)
            fewer = writer.convolution(planes, f"{name}.downsample.1", published, strides=[2, 2])
            side //= 2
            rows = to_rows(writer, fewer, f"{name}.fewer", width)
        for block in range(plain):
            rows = write_plain_block(writer, rows, f"{name}.blocks.{block}", published, side)
        if parts:
            rows = write_split_block(writer, rows, f"{name}.blocks.{plain}", published, side)
    width = STAGES[-1][0]
    tokens = writer.add("Reshape", [rows, writer.shape(-1, side * side, width)], "tokens")
    mean = writer.add("ReduceMean", [tokens, writer.shape(1)], "mean", keepdims=0)
    normed = writer.norm(mean, "head.norm", published, "head.normed")
    first, second, bias = last_layer(published)
    less = writer.add("MatMul", [normed, writer.weight("head.first", first, 1)], "head.less")
    tensors = [writer.weight("head.second", second, 1), writer.constant("head.bias", bias)]
    raw = writer.add("Gemm", [less, *tensors], "raw")
    writer.add("LpNormalization", [raw], "appearance", axis=1, p=2)
    graph = helper.make_graph(
        writer.nodes,
        "edgeface",
        [helper.make_tensor_value_info("faces", TensorProto.UINT8, ["n", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("appearance", TensorProto.FLOAT, ["n", VALUES])],
        writer.tensors,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="emotion-server",
    )
    onnx.checker.check_model(model, full_check=True)
    return model
