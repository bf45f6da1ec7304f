"""The parts in which the network that tells people apart is written anew, and how it is measured."""

import numpy as np
import onnx
import onnxruntime
import pytest

pytest.importorskip("torch")

from training.face.appearance import figure, told_apart
from training.third_party import edgeface_graph as edgeface


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_turned_last_layer_keeps_every_cosine(monkeypatch):
    chance = np.random.default_rng(0)
    first, second, bias = (chance.normal(size=size).astype(np.float32) for size in ((20, 5), (5, 64), (64,)))

    class Layer:
        def low_rank(self, name):
            assert name == "head.fc"
            return first, second, bias

    kept, turned, turned_bias = edgeface.last_layer(Layer())
    assert turned.shape == (5, 6)
    seen = chance.normal(size=(30, 20)).astype(np.float32)
    published, ours = unit(seen @ first @ second + bias), unit(seen @ kept @ turned + turned_bias)
    np.testing.assert_allclose(ours @ ours.T, published @ published.T, atol=1e-5)


def test_weights_are_kept_small_and_close():
    writer = edgeface.Writer()
    value = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32) * np.arange(1, 51)
    writer.weight("large", value, 1)
    writer.weight("kernel", np.ones((200, 1, 7, 7), np.float32), 0)
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in writer.tensors}
    assert stored["large.int8"].dtype == np.int8
    assert stored["kernel.half"].dtype == np.float16
    given = stored["large.int8"] * stored["large.scale"]
    assert (np.abs(given - value) <= stored["large.scale"] * 0.501).all()


def test_unit_rows_divide_by_the_length_and_bear_zeros():
    writer = edgeface.Writer()
    output = edgeface.unit_rows(writer, "given")
    shape = [1, 1, 2, 3]
    infos = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("given", output)
    ]
    graph = onnx.helper.make_graph(writer.nodes, "unit", infos[:1], infos[1:], writer.tensors)
    imports = [onnx.helper.make_opsetid("", edgeface.OPSET)]
    model = onnx.helper.make_model(graph, opset_imports=imports, ir_version=edgeface.IR_VERSION)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"given": np.array([[[[3, 0, 4], [0, 0, 0]]]], np.float32)})
    np.testing.assert_allclose(found[0, 0], [[0.6, 0, 0.8], [0, 0, 0]], atol=1e-6)


def test_people_are_counted_by_pairs():
    """Two pictures of one person at a cosine of 0.6, a stranger at right angles to both."""
    vectors = np.array([[1, 0, 0], [0.6, 0.8, 0], [0, 0, 1]], np.float32)
    told = told_apart("made", vectors, np.array(["A", "A", "B"]), linked_at=0.7)
    assert (told.people, told.pictures, told.area, told.missed, told.confused) == (2, 3, 1.0, 1.0, 0.0)
    assert figure(told).value == 100.0
