"""Damaged files give clean refusals or results. EMOTION_FUZZ_FILES asks for more of them than the default."""

import os
from pathlib import Path

from tests import media_files
from tests.media.fuzzing import fuzz

FILES = int(os.environ.get("EMOTION_FUZZ_FILES", "100"))
SMALL = 400_000


async def test_damaged_files(pool, made, tmp_path):
    tables = {"FILMS": media_files.FILMS, "SOUNDS": media_files.SOUNDS, "PICTURES": media_files.PICTURES}
    paths = [made(table, name) for table, makers in tables.items() for name in makers]
    contents = [content for content in map(Path.read_bytes, paths) if len(content) < SMALL]
    result = await fuzz(pool, contents, tmp_path / "damaged", count=FILES, seed=7)
    assert result.unexpected == []
    assert result.outcomes["decoded"] > FILES // 10
    assert result.outcomes["damaged-media"] > FILES // 50
