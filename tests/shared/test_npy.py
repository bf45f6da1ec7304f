import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from shared.contracts.problems import Problem
from shared.npy import read_npy, write_npy


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)))
def test_numpy_reads_what_we_write_and_we_read_what_numpy_writes(array):
    ours = np.load(io.BytesIO(write_npy(array)))
    assert np.array_equal(ours, array)
    saved = io.BytesIO()
    np.save(saved, array)
    assert np.array_equal(read_npy(saved.getvalue(), dtype=np.uint8, ndim=array.ndim), array)


@given(st.binary(max_size=300))
def test_rubbish_is_a_problem_and_nothing_else(body):
    with pytest.raises(Problem) as caught:
        read_npy(b"\x93NUMPY" + body, dtype=np.uint8, ndim=1)
    assert caught.value.name == "bad-parameter"


@pytest.mark.parametrize(
    ("array", "detail"),
    [
        (np.zeros(3, np.float64), "not float32"),
        (np.zeros((3, 3), np.float32), "axes"),
        (np.array([object()]), "float32"),
    ],
)
def test_the_wrong_array_is_refused_with_the_reason(array, detail):
    saved = io.BytesIO()
    np.save(saved, array)
    with pytest.raises(Problem, match=detail):
        read_npy(saved.getvalue(), dtype=np.float32, ndim=1)


def test_a_shape_that_promises_more_than_was_sent_is_refused():
    body = write_npy(np.zeros((4, 10), np.float32))
    with pytest.raises(Problem, match="shape"):
        read_npy(body[:-4], dtype=np.float32, ndim=2)


def test_an_empty_array_with_axes_beyond_counting_is_refused():
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (0, 549755813888, 549755813888), }\n"
    body = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with pytest.raises(Problem, match="shape"):
        read_npy(body, dtype=np.uint8, ndim=3)


def test_pickles_and_huge_shapes_are_never_touched():
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627775, 1099511627775), }\n"
    body = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with pytest.raises(Problem, match="shape"):
        read_npy(body, dtype=np.uint8, ndim=2)
