"""The examples of docs/exports.md and docs/client.md, run as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from emotion_client import Client
from gateway.exports.formats import BY_NAME, FORMATS
from tests import media_files
from tests.exports.material import two_people, written
from tests.live.recordings import recorded_webm
from tests.servers import House

DOCS = Path(__file__).parents[2] / "docs"
ROOT = DOCS.parent


def blocks(name: str) -> list[str]:
    return re.findall(
        r"^```python\n(.*?)^```", (DOCS / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def run(code: str, folder: Path) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, house: House) -> Path:
    """A film, and its exports as the command line names them."""
    folder = tmp_path_factory.mktemp("documents")
    film = media_files.talking_film(folder / "clip.mp4", seconds=3)
    recorded_webm(folder / "recording.webm", seconds=12)  # further than a stream may run ahead
    with Client(house.gateway) as client:
        analysis = client.analyze(film)
    for export in FORMATS:
        (folder / f"clip.mp4.{export.name}").write_bytes(b"".join(export.pieces(analysis)))
    return folder


def test_the_pandas_example(folder: Path) -> None:
    (code,) = blocks("exports.md")
    said = run(code, folder)
    assert "face_id" in said
    assert said.count("happiness") >= 3


def test_the_pandas_example_with_a_minute_without_anybody(tmp_path: Path) -> None:
    for export in FORMATS:
        (tmp_path / f"clip.mp4.{export.name}").write_bytes(written(export, two_people()))
    (code,) = blocks("exports.md")
    assert run(code, tmp_path).count("0 days") == 2  # the first second, and the 66th


@pytest.mark.parametrize("number", range(4))
def test_the_examples_of_the_client(folder: Path, house: House, number: int) -> None:
    said = run(f"url = {house.gateway!r}\n{blocks('client.md')[number]}", folder)
    assert ("happiness" in said) or (folder / "clip.vtt").read_text().startswith("WEBVTT")


def test_all_examples_are_run() -> None:
    assert len(blocks("client.md")) == 4


def test_the_table_lists_every_format() -> None:
    rows = re.findall(
        r"^\| `\.([\w.]+)` \| `([^`]+)` .*\| (`?\w+`?) \|$", (DOCS / "exports.md").read_text(), re.MULTILINE
    )
    assert [name for name, *_ in rows] == list(BY_NAME)
    for name, media_type, needs in rows:
        assert media_type == BY_NAME[name].media_type
        assert needs.strip("`") == {"summary": "any"}.get(BY_NAME[name].needs, BY_NAME[name].needs)
