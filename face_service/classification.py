"""Crops in; calibrated scores, appearance vectors or blendshapes out."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from shared.contracts.manifests import Manifest
from shared.inference import InferenceSession, calibrated

# Batches are filled up to one of these, so that the network sees few input shapes.
BATCHES = (1, 2, 4, 8, 16, 32)
# Few and small, so that the working memory that is kept for them is (a tenth quicker than one at a time, and
# a larger batch no longer fits the cache).
_EXPRESSION_BATCHES = (4, 2, 1)


def in_batches(count: int) -> Iterator[tuple[slice, int]]:
    """Cut `count` rows into slices of at most the largest batch; with each, the batch to fill it up to."""
    for start in range(0, count, BATCHES[-1]):
        rows = min(count - start, BATCHES[-1])
        yield slice(start, start + rows), next(size for size in BATCHES if size >= rows)


def run_in_batches(session: InferenceSession, crops: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Run a network whose only input is `faces` over n crops; n = 0 gives empty outputs.

    Args:
        session: the network; every output's first axis is the face.
        crops: shape [n, s, s, 3] or [n, s, s].

    Returns:
        Its outputs, [n, ...] each.
    """
    parts: dict[str, list[NDArray[np.float32]]] = {}
    for rows, size in in_batches(max(1, len(crops))):
        batch = np.zeros((size, *crops.shape[1:]), dtype=np.uint8)
        given = crops[rows]
        batch[: len(given)] = given
        for name, values in session.run({"faces": batch}).items():
            parts.setdefault(name, []).append(values[: len(given)])
    return {name: np.concatenate(values) for name, values in parts.items()}


class FaceClassifier:
    """The emotion network with its calibration.

    Args:
        session: input `faces` uint8 [n, s, s, 3] RGB or [n, s, s] grey; output `logits` [n, 7].
    """

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        shape = session.manifest.inputs[0].shape
        self.size = int(shape[1])

    @property
    def manifest(self) -> Manifest:
        """The network's manifest."""
        return self._session.manifest

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Score n crops of `size` pixels: shape [n, 7], rows sum to 1, in the order of `EMOTIONS`."""
        return calibrated(run_in_batches(self._session, crops)["logits"], self.manifest.temperature)


class AppearanceReader:
    """The network that tells people apart.

    Args:
        session: the network of `training/third_party/edgeface.py`.
    """

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        self.size = int(session.manifest.inputs[0].shape[1])

    @property
    def manifest(self) -> Manifest:
        """The network's manifest."""
        return self._session.manifest

    def read(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give the vectors of n crops of `size` pixels: shape [n, k], rows of length 1."""
        return run_in_batches(self._session, crops)["appearance"]


class ExpressionReader:
    """The blendshape network.

    Args:
        session: the network of `training/third_party/face_landmarker.py`.
    """

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        self.size = int(session.manifest.inputs[0].shape[1])
        self._values = int(session.manifest.outputs[0].shape[1])

    @property
    def manifest(self) -> Manifest:
        """The network's manifest."""
        return self._session.manifest

    def read(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give the 52 coefficients, 0..1, of n crops of `size` pixels: shape [n, 52]."""
        rows = [np.zeros((0, self._values), dtype=np.float32)]
        begin = 0
        for size in _EXPRESSION_BATCHES:
            # Never filled up, for a face more costs more than a call.
            while len(crops) - begin >= size:
                rows.append(self._session.run({"faces": crops[begin : begin + size]})["blendshapes"])
                begin += size
        return np.clip(np.concatenate(rows), 0.0, 1.0)
