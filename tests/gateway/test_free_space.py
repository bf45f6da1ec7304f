"""How much of a disk stays free."""

import shutil

from gateway.free_space import bytes_to_keep


def test_what_was_chosen_is_kept(tmp_path):
    assert bytes_to_keep(tmp_path, 2**62, usual=5) == 2**62
    assert bytes_to_keep(tmp_path, 0, usual=5) == 0


def test_a_small_disk_keeps_an_eighth(tmp_path):
    whole = shutil.disk_usage(tmp_path).total
    assert bytes_to_keep(tmp_path, None, usual=5) == 5
    assert bytes_to_keep(tmp_path, None, usual=2 * whole) == whole // 8


def test_a_folder_that_is_not_there_is_no_small_disk(tmp_path):
    assert bytes_to_keep(tmp_path / "nowhere", None, usual=5) == 5
