"""Back from a graph that ships to a network that can learn on: the graph holds all but the own heads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper

from training.face.network import FaceNetwork

Array = npt.NDArray[Any]
# What a place that is never looked at has before the softmax.
NEVER = 1e-12


def load_graph(network: FaceNetwork, path: Path) -> None:
    """Put the weights of `training.export.face_graph.default_graph` into a network; own heads become zero.

    Raises:
        ValueError: a weight is missing in the graph, or has another shape.
    """
    stored = {table.name: numpy_helper.to_array(table) for table in onnx.load(path).graph.initializer}
    state = network.state_dict()
    for name, value in state.items():
        if name == "means":
            continue
        found = np.zeros(value.shape, np.float32) if name.startswith("own.") else _weight(stored, name)
        if found.shape != tuple(value.shape):
            raise ValueError(f"{name} of {path} is {found.shape}, expected {tuple(value.shape)}")
        state[name] = torch.from_numpy(np.array(found, np.float32))
    network.load_state_dict(state)


def _weight(stored: Mapping[str, Array], name: str) -> Array:
    if name == "places":
        return np.asarray(np.log(np.maximum(stored["places"], NEVER)))
    layer, _, kind = name.removeprefix("trunk.").replace("shared.", "head.").rpartition(".")
    key = f"{layer}.{kind}"
    if f"{key}.int8" in stored:
        return stored[f"{key}.int8"] * stored[f"{key}.scale"]
    key = f"{key}.half" if kind == "weight" else key
    if key not in stored:
        raise ValueError(f"the graph holds no {key}")
    # The graph reads RGB, the network BGR.
    return stored[key][:, ::-1] if name == "trunk.conv1.weight" else stored[key]
