"""A program that is stopped while it writes leaves the file that was there, or none."""

import numpy as np
import pytest

from training.whole_files import written_whole


def test_what_was_written_to_the_end_is_there(tmp_path):
    path = tmp_path / "made" / "clips.npz"
    with written_whole(path) as unfinished:
        np.savez(unfinished, rows=np.arange(3))
        assert not path.exists()
    with np.load(path) as stored:
        assert stored["rows"].tolist() == [0, 1, 2]
    assert list(path.parent.iterdir()) == [path]


def stop_in_the_middle(path):
    with written_whole(path) as unfinished:
        unfinished.write_text("ha")
        raise KeyboardInterrupt


@pytest.mark.parametrize("before", [None, "whole"])
def test_a_stop_leaves_what_was_there(tmp_path, before):
    path = tmp_path / "clips.txt"
    if before is not None:
        path.write_text(before)
    with pytest.raises(KeyboardInterrupt):
        stop_in_the_middle(path)
    assert (path.read_text() if path.exists() else None) == before
