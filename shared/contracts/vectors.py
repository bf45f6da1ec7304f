"""Vectors inside JSON: `PackedVector` of `shared.contracts.base`, made and read."""

import base64

import numpy as np
from numpy.typing import NDArray


def pack_vector(values: NDArray[np.floating]) -> str:
    """Pack a vector as base64 of little-endian float16: ten times smaller and quicker than JSON numbers.

    Args:
        values: shape [k], magnitudes below 65504.
    """
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f2").tobytes()).decode("ascii")


def unpack_vector(packed: str) -> NDArray[np.float32]:
    """Undo `pack_vector`: float32 of shape [k].

    Raises:
        ValueError: not base64 of an even number of bytes.
    """
    return np.frombuffer(base64.b64decode(packed, validate=True), dtype="<f2").astype(np.float32)
