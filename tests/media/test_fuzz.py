"""Damaged files give clean refusals or results. `python -m tests.media.fuzzing` tries more of them."""

import pytest

from tests.media.fuzzing import fuzz, small_files

FILES = 100


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    return small_files(tmp_path_factory.mktemp("good"))


async def test_damaged_files(pool, contents, tmp_path):
    result = await fuzz(pool, contents, tmp_path / "damaged", count=FILES, seed=7)
    assert result.unexpected == []
    assert result.outcomes["decoded"] > FILES // 10
    assert result.outcomes["damaged-media"] > FILES // 50
    assert pool.state.restarts == 0
