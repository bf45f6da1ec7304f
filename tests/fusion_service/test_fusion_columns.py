"""Faces as columns: little besides the columns is in memory while they are laid out."""

import tracemalloc

import numpy as np

from fusion_service.columns import FaceRows, columns_of_rows
from shared.contracts.fusion import FrameFaces


def test_vectors_exist_once(make):
    frame = FrameFaces(t=0.0, faces=(make.face(person=1), make.face(person=2, x=0.5)))
    rows = [FaceRows.of(frame.model_copy(update={"t": at / 5})) for at in range(1000)]
    tracemalloc.start()
    try:
        columns = columns_of_rows(rows)
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(np.linalg.norm(columns.appearance, axis=1), 1, atol=1e-6)
    assert most - held < columns.appearance.nbytes / 2
