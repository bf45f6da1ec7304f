"""`emotion analyze` told to end in the middle: what was half done goes, what was there stays."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.processes import children_of, eventually, is_alive
from tests.cli.stack import EMOTION, RunningServer, clean_environment
from tests.media_files import talking_film


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawing takes longer than it does to see that it has begun."""
    return talking_film(tmp_path_factory.mktemp("media") / "long.mp4", seconds=40)


def parts(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


def drawing(film: Path, out: Path, url: str, *before: str) -> subprocess.Popen[str]:
    """Start it, and wait until something is drawn."""
    out.write_text("old")
    options = ("--fps", "1", "--modalities", "face", "--annotate", out, "--server", url)
    process = subprocess.Popen(
        [*before, EMOTION, "analyze", film, *options],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert eventually(lambda: any(part.stat().st_size for part in parts(out.parent)))
    return process


@pytest.mark.stack
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_drawing_that_is_interrupted_leaves_nothing_behind(
    processes: RunningServer, long_film: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out.mp4"
    process = drawing(long_film, out, processes.url)
    children = children_of(process.pid)
    process.send_signal(number)
    results, messages = process.communicate(timeout=60)
    assert (process.returncode, results, messages) == (128 + number, "", "Interrupted.\n")
    assert (out.read_text(), parts(tmp_path)) == ("old", [])
    assert not [child for child in children if is_alive(child)]


@pytest.mark.stack
def test_what_the_caller_ignores_stays_ignored(
    processes: RunningServer, long_film: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    process = drawing(long_film, out, processes.url, "nohup")
    process.send_signal(signal.SIGHUP)
    assert "happiness" in process.communicate(timeout=120)[0]
    assert process.returncode == 0
    assert (parts(tmp_path), out.read_text(errors="replace") == "old") == ([], False)
