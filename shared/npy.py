"""Arrays as request bodies: NumPy's .npy format, read without ever unpickling."""

import ast
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

from shared.contracts.problems import Problem

MEDIA_TYPE = "application/x-npy"
_MAGIC = b"\x93NUMPY"


def write_npy(array: NDArray[np.generic]) -> bytes:
    """Encode an array as .npy, version 1.0, C order."""
    array = np.ascontiguousarray(array)
    return b"".join((_header(array.dtype, array.shape), array.data))


def stacked_npy(arrays: Sequence[NDArray[np.generic]]) -> list[bytes | memoryview]:
    """Encode arrays of one shape and type as one .npy with an axis more, without copying them: its parts.

    Raises:
        ValueError: none, or of several shapes or types.
    """
    kinds = {(array.shape, array.dtype) for array in arrays}
    if len(kinds) != 1:
        raise ValueError(f"arrays of one shape and type are stacked, not of {len(kinds)}")
    ((shape, dtype),) = kinds
    views = [np.ascontiguousarray(array).reshape(-1).data.cast("B") for array in arrays]
    return [_header(dtype, (len(arrays), *shape)), *views]


def _header(dtype: "np.dtype[np.generic]", shape: tuple[int, ...]) -> bytes:
    header = repr({"descr": dtype.str, "fortran_order": False, "shape": shape})
    padding = -(len(_MAGIC) + 4 + len(header) + 1) % 64
    head = header.encode("latin1") + b" " * padding + b"\n"
    return b"".join((_MAGIC, b"\x01\x00", struct.pack("<H", len(head)), head))


def read_npy(body: bytes, *, dtype: DTypeLike, ndim: int, field: str = "body") -> NDArray[np.generic]:
    """Decode a .npy body as a read-only view on it.

    Args:
        body: the whole file.
        dtype: the only element type taken.
        ndim: the only number of axes taken.
        field: name to put into the problem.

    Raises:
        Problem: `bad-parameter` when it is not such a file, or its length does not fit its shape.
    """
    expected = np.dtype(dtype)
    shape, found, offset = _read_header(body, field)
    if found != expected.str:
        raise Problem("bad-parameter", f"The array holds {found!r:.40}, not {expected.name}.", field=field)
    if len(shape) != ndim:
        raise Problem("bad-parameter", f"The array has {len(shape)} axes, not {ndim}.", field=field)
    count = 1
    for length in shape:
        count *= length
    # What is empty may name axes of any length, which NumPy cannot count.
    if count * expected.itemsize != len(body) - offset or max(shape, default=0) > len(body):
        raise Problem(
            "bad-parameter", "The array's shape does not fit the number of bytes sent.", field=field
        )
    return np.frombuffer(body, dtype=expected, count=count, offset=offset).reshape(shape)


def _read_header(body: bytes, field: str) -> tuple[tuple[int, ...], str, int]:
    try:
        if body[:6] != _MAGIC:
            raise ValueError("magic")  # noqa: TRY301 - one way out for every fault of the header
        if body[6] == 1:
            (length,) = struct.unpack_from("<H", body, 8)
            offset = 10 + length
        else:
            (length,) = struct.unpack_from("<I", body, 8)
            offset = 12 + length
        if length > 4096 or offset > len(body):
            raise ValueError("length")  # noqa: TRY301
        header = ast.literal_eval(body[offset - length : offset].decode("latin1").strip())
        shape, descr = header["shape"], header["descr"]
        valid = (
            isinstance(shape, tuple)
            and all(type(n) is int and 0 <= n < 2**40 for n in shape)
            and isinstance(descr, str)
            and header["fortran_order"] is False
        )
        if not valid:
            raise ValueError("values")  # noqa: TRY301
    except (
        ValueError,
        SyntaxError,
        TypeError,
        KeyError,
        IndexError,
        struct.error,
        RecursionError,
        MemoryError,
    ) as error:
        raise Problem(
            "bad-parameter",
            "The body is not an array in NumPy's .npy format with C order.",
            remedy="Send the bytes that numpy.save writes.",
            field=field,
        ) from error
    return shape, descr, offset
