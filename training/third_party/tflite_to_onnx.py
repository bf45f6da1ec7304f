"""Translate the operators of small TensorFlow Lite networks into ONNX.

TensorFlow Lite keeps pictures as [n, height, width, channels], ONNX as [n, channels, height, width]. A tensor
of four axes is kept here in whichever layout it was made; the other one is made with one Transpose when
something asks for it, so that a run of convolutions has none in between. Weights that are stored as float16
stay float16 in the file and are cast once, when ONNX Runtime folds constants at loading. The first axis, 1
in the source, becomes free.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import tflite
from numpy.typing import NDArray
from onnx import helper, numpy_helper

_OPERATORS = {value: key for key, value in vars(tflite.BuiltinOperator).items() if not key.startswith("_")}
_DTYPES: dict[int, np.dtype[Any]] = {
    tflite.TensorType.FLOAT32: np.dtype("<f4"),
    tflite.TensorType.FLOAT16: np.dtype("<f2"),
    tflite.TensorType.INT32: np.dtype("<i4"),
    tflite.TensorType.INT64: np.dtype("<i8"),
}
_ELEMENTWISE = {
    "ADD": ("Add", tflite.AddOptions),
    "SUB": ("Sub", tflite.SubOptions),
    "MUL": ("Mul", tflite.MulOptions),
    "DIV": ("Div", tflite.DivOptions),
}
_UNARY = {"LOGISTIC": "Sigmoid", "NEG": "Neg", "SQRT": "Sqrt", "RELU": "Relu"}
_TO_NCHW, _TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]


@dataclass
class Part:
    """A translated network: its nodes and tensors go into a graph that makes `inputs` and reads `outputs`."""

    inputs: list[str]
    outputs: list[str]
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    tensors: list[onnx.TensorProto] = field(default_factory=list)


def translate(network: bytes, *, prefix: str) -> Part:
    """Translate a TensorFlow Lite network of one subgraph.

    Args:
        network: the .tflite file.
        prefix: stands in front of all names, so that several networks fit into one graph.

    Raises:
        NotImplementedError: an operator, or a use of one, that no network of ours has needed.
    """
    return _Translator(tflite.Model.GetRootAs(network, 0), prefix).translate()


class _Translator:
    def __init__(self, model: Any, prefix: str) -> None:
        self._model, self._prefix = model, prefix
        self._graph = model.Subgraphs(0)
        self._constants: dict[int, NDArray[Any]] = {}
        self._nhwc: dict[int, str] = {}
        self._nchw: dict[int, str] = {}
        self._part = Part(inputs=[], outputs=[])
        self._count = 0

    def translate(self) -> Part:
        for index in self._graph.InputsAsNumpy():
            self._nhwc[int(index)] = f"{self._prefix}input{len(self._part.inputs)}"
            self._part.inputs.append(self._nhwc[int(index)])
        for position in range(self._graph.OperatorsLength()):
            operator = self._graph.Operators(position)
            code = self._model.OperatorCodes(operator.OpcodeIndex())
            name = _OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            inputs = [int(index) for index in operator.InputsAsNumpy()]
            self._operator(name, operator, inputs, int(operator.Outputs(0)))
        self._part.outputs.extend(self._get(int(index)) for index in self._graph.OutputsAsNumpy())
        return self._part

    def _operator(self, name: str, operator: Any, inputs: list[int], output: int) -> None:
        if name == "DEQUANTIZE":
            self._constants[output] = self._constant(inputs[0])
        elif name in _ELEMENTWISE:
            onnx_name, options = _ELEMENTWISE[name]
            activation = _options(operator, options).FusedActivationFunction()
            self._elementwise(onnx_name, inputs, output, activation)
        elif name in _UNARY:
            self._elementwise(_UNARY[name], inputs, output)
        else:
            method: Callable[[Any, list[int], int], None]
            method = getattr(self, f"_{name.lower()}", self._unknown(name))
            method(operator, inputs, output)

    def _unknown(self, name: str) -> Callable[[Any, list[int], int], None]:
        def refuse(operator: Any, inputs: list[int], output: int) -> None:
            raise NotImplementedError(f"TensorFlow Lite operator {name}")

        return refuse

    def _shape(self, index: int) -> tuple[int, ...]:
        tensor = self._graph.Tensors(index)
        return tuple(int(n) for n in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()

    def _is_constant(self, index: int) -> bool:
        return index in self._constants or (
            self._model.Buffers(self._graph.Tensors(index).Buffer()).DataLength() > 0
        )

    def _constant(self, index: int) -> NDArray[Any]:
        if index not in self._constants:
            tensor = self._graph.Tensors(index)
            data = self._model.Buffers(tensor.Buffer()).DataAsNumpy().tobytes()
            self._constants[index] = np.frombuffer(data, _DTYPES[tensor.Type()]).reshape(self._shape(index))
        return self._constants[index]

    def _name(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count}"

    def _store(self, values: NDArray[Any]) -> str:
        """Keep a constant; float16 ones are read through a Cast."""
        name = self._name()
        self._part.tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return self._emit("Cast", [name], to=onnx.TensorProto.FLOAT) if values.dtype == np.float16 else name

    def _emit(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        output = self._name()
        self._part.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def _get(self, index: int) -> str:
        """Name the tensor in the source's own layout."""
        if self._is_constant(index) and index not in self._nhwc:
            self._nhwc[index] = self._store(self._constant(index))
        elif index not in self._nhwc:
            self._nhwc[index] = self._emit("Transpose", [self._nchw[index]], perm=_TO_NHWC)
        return self._nhwc[index]

    def _get_nchw(self, index: int) -> str:
        if index not in self._nchw:
            if self._is_constant(index):
                self._nchw[index] = self._store(_channels_first(self._constant(index)))
            else:
                self._nchw[index] = self._emit("Transpose", [self._get(index)], perm=_TO_NCHW)
        return self._nchw[index]

    def _activate(self, name: str, activation: int) -> str:
        if activation == tflite.ActivationFunctionType.NONE:
            return name
        if activation == tflite.ActivationFunctionType.RELU:
            return self._emit("Relu", [name])
        raise NotImplementedError(f"fused activation {activation}")

    def _elementwise(self, operator: str, inputs: list[int], output: int, activation: int = 0) -> None:
        moving = [index for index in inputs if not self._is_constant(index)]
        in_nchw = len(self._shape(output)) == 4 and any(index not in self._nhwc for index in moving)
        get = self._get_nchw if in_nchw else self._get
        made = self._activate(self._emit(operator, [get(index) for index in inputs]), activation)
        (self._nchw if in_nchw else self._nhwc)[output] = made

    def _conv_2d(self, operator: Any, inputs: list[int], output: int) -> None:
        options = _options(operator, tflite.Conv2DOptions)
        weights = self._constant(inputs[1]).transpose(0, 3, 1, 2)
        self._convolve(options, inputs, output, weights, group=1)

    def _depthwise_conv_2d(self, operator: Any, inputs: list[int], output: int) -> None:
        options = _options(operator, tflite.DepthwiseConv2DOptions)
        weights = self._constant(inputs[1]).transpose(3, 0, 1, 2)
        self._convolve(options, inputs, output, weights, group=self._shape(inputs[0])[3])

    def _convolve(
        self, options: Any, inputs: list[int], output: int, weights: NDArray[Any], *, group: int
    ) -> None:
        kernel = weights.shape[2:]
        strides = [options.StrideH(), options.StrideW()]
        if (options.DilationHFactor(), options.DilationWFactor()) != (1, 1):
            raise NotImplementedError("dilated convolution")
        pads = self._pads(options.Padding(), inputs[0], kernel, strides)
        names = [self._get_nchw(inputs[0]), self._store(weights)]
        if len(inputs) > 2:
            names.append(self._store(self._constant(inputs[2])))
        made = self._emit("Conv", names, kernel_shape=kernel, strides=strides, pads=pads, group=group)
        self._nchw[output] = self._activate(made, options.FusedActivationFunction())

    def _max_pool_2d(self, operator: Any, inputs: list[int], output: int) -> None:
        options = _options(operator, tflite.Pool2DOptions)
        kernel = [options.FilterHeight(), options.FilterWidth()]
        strides = [options.StrideH(), options.StrideW()]
        pads = self._pads(options.Padding(), inputs[0], kernel, strides)
        made = self._emit(
            "MaxPool", [self._get_nchw(inputs[0])], kernel_shape=kernel, strides=strides, pads=pads
        )
        self._nchw[output] = self._activate(made, options.FusedActivationFunction())

    def _pads(self, padding: int, index: int, kernel: Any, strides: list[int]) -> list[int]:
        """TensorFlow's SAME: as many places as ceil(size / stride), the odd pixel below and on the right."""
        if padding == tflite.Padding.VALID:
            return [0, 0, 0, 0]
        height, width = self._shape(index)[1:3]
        totals = [
            max(0, (-(-size // stride) - 1) * stride + k - size)
            for size, k, stride in zip((height, width), kernel, strides, strict=True)
        ]
        return [*(total // 2 for total in totals), *(total - total // 2 for total in totals)]

    def _prelu(self, _: Any, inputs: list[int], output: int) -> None:
        """x where positive, slope * x elsewhere, written as slope * x + (1 - slope) * relu(x).

        ONNX Runtime keeps depthwise convolutions in its blocked layout but not PRelu: three times quicker.
        """
        slope = self._constant(inputs[1]).astype(np.float32).reshape(-1, 1, 1, 1)
        given = self._get_nchw(inputs[0])
        lines = [
            self._emit("Conv", [name, self._store(weights)], kernel_shape=[1, 1], group=len(slope))
            for name, weights in ((given, slope), (self._emit("Relu", [given]), 1 - slope))
        ]
        self._nchw[output] = self._emit("Add", lines)

    def _pad(self, _: Any, inputs: list[int], output: int) -> None:
        before_after = self._constant(inputs[1])[[0, 3, 1, 2]]
        pads = self._store(before_after.T.reshape(-1).astype(np.int64))
        self._nchw[output] = self._emit("Pad", [self._get_nchw(inputs[0]), pads])

    def _resize_bilinear(self, operator: Any, inputs: list[int], output: int) -> None:
        options = _options(operator, tflite.ResizeBilinearOptions)
        if options.AlignCorners():
            raise NotImplementedError("bilinear resizing with aligned corners")
        mode = "half_pixel" if options.HalfPixelCenters() else "asymmetric"
        before, after = self._shape(inputs[0]), self._shape(output)
        scales = np.array([1, 1, after[1] / before[1], after[2] / before[2]], dtype=np.float32)
        self._nchw[output] = self._emit(
            "Resize",
            [self._get_nchw(inputs[0]), "", self._store(scales)],
            mode="linear",
            coordinate_transformation_mode=mode,
        )

    def _concatenation(self, operator: Any, inputs: list[int], output: int) -> None:
        options = _options(operator, tflite.ConcatenationOptions)
        names = [self._repeat(index) if self._is_constant(index) else self._get(index) for index in inputs]
        made = self._emit("Concat", names, axis=options.Axis())
        self._nhwc[output] = self._activate(made, options.FusedActivationFunction())

    def _repeat(self, index: int) -> str:
        """Repeat a constant with a first axis of 1 as often as there are inputs."""
        shape = self._emit("Shape", [self._part.inputs[0]], start=0, end=1)
        rest = self._store(np.ones(len(self._shape(index)) - 1, dtype=np.int64))
        times = self._emit("Concat", [shape, rest], axis=0)
        return self._emit("Expand", [self._get(index), times])

    def _reshape(self, _: Any, inputs: list[int], output: int) -> None:
        shape = np.array(self._shape(output), dtype=np.int64)
        shape[0] = 0  # the batch, copied
        self._nhwc[output] = self._emit("Reshape", [self._get(inputs[0]), self._store(shape)])

    def _transpose(self, _: Any, inputs: list[int], output: int) -> None:
        order = [int(axis) for axis in self._constant(inputs[1])]
        self._nhwc[output] = self._emit("Transpose", [self._get(inputs[0])], perm=order)

    def _mean(self, operator: Any, inputs: list[int], output: int) -> None:
        self._reduce("ReduceMean", operator, inputs, output)

    def _sum(self, operator: Any, inputs: list[int], output: int) -> None:
        self._reduce("ReduceSum", operator, inputs, output)

    def _reduce(self, name: str, operator: Any, inputs: list[int], output: int) -> None:
        keep = int(_options(operator, tflite.ReducerOptions).KeepDims())
        axes = self._store(np.atleast_1d(self._constant(inputs[1])).astype(np.int64))
        self._nhwc[output] = self._emit(name, [self._get(inputs[0]), axes], keepdims=keep)

    def _squared_difference(self, _: Any, inputs: list[int], output: int) -> None:
        difference = self._emit("Sub", [self._get(inputs[0]), self._get(inputs[1])])
        self._nhwc[output] = self._emit("Mul", [difference, difference])

    def _rsqrt(self, _: Any, inputs: list[int], output: int) -> None:
        self._nhwc[output] = self._emit("Reciprocal", [self._emit("Sqrt", [self._get(inputs[0])])])

    def _strided_slice(self, operator: Any, inputs: list[int], output: int) -> None:
        """Slice axes after the first, by steps of 1; an axis is dropped only where it is the batch."""
        options = _options(operator, tflite.StridedSliceOptions)
        begin, end, step = (self._constant(index).astype(np.int64).copy() for index in inputs[1:4])
        before, after = self._shape(inputs[0]), self._shape(output)
        if (step != 1).any() or options.EllipsisMask() or options.NewAxisMask():
            raise NotImplementedError("strided slice with steps or new axes")
        if len(after) < len(before):
            # [1, 52] to [52]: there is a batch now, so the axis stays.
            if after != before[1:]:
                raise NotImplementedError("strided slice that drops an inner axis")
            self._nhwc[output] = self._get(inputs[0])
            return
        end = np.array(
            [
                size if options.EndMask() >> axis & 1 else last
                for axis, (size, last) in enumerate(zip(before, end, strict=True))
            ]
        )
        axes = np.arange(1, len(before), dtype=np.int64)
        names = [self._store(values) for values in (begin[1:], end[1:].astype(np.int64), axes)]
        self._nhwc[output] = self._emit("Slice", [self._get(inputs[0]), *names])


def _options(operator: Any, kind: Any) -> Any:
    options = kind()
    table = operator.BuiltinOptions()
    if table is None:
        raise NotImplementedError(f"an operator without its {kind.__name__}")
    options.Init(table.Bytes, table.Pos)
    return options


def _channels_first(values: NDArray[Any]) -> NDArray[Any]:
    """Shape a constant so that it spreads over [n, c, h, w] as it did over [n, h, w, c]."""
    if values.ndim == 4:
        return values.transpose(_TO_NCHW)
    if values.ndim == 3:
        return values.transpose(2, 0, 1)
    return values.reshape(-1, 1, 1) if values.ndim == 1 else values
