"""What `emotion analyze` writes beside what it shows: documents, exports, drawings."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from gateway.exports.formats import BY_NAME
from shared.contracts.analyses import Analysis
from tests import media_files
from tests.cli.stack import RunningServer, run_analyze

pytestmark = pytest.mark.stack


def test_an_output_that_cannot_be_written_is_a_failure(
    processes: RunningServer, picture: Path, text_file: Path
) -> None:
    result = run_analyze(picture, "--out", text_file / "below.json", "--server", processes.url)
    assert result.returncode == 1
    assert "Not a directory" in result.stderr or "File exists" in result.stderr


def test_a_result_that_cannot_be_written_is_shown_all_the_same(
    processes: RunningServer, picture: Path, text_file: Path
) -> None:
    arguments = (picture, "--out", text_file / "below.json", "--server", processes.url)
    result = run_analyze(*arguments)
    assert result.returncode == 1
    assert "happiness" in result.stdout
    assert "Cannot write" in result.stderr
    result = run_analyze(*arguments, "--json")
    assert result.returncode == 1
    Analysis.model_validate({key: value for key, value in json.loads(result.stdout).items() if key != "file"})


@pytest.mark.parametrize(
    ("source", "drawing", "title"),
    [
        ("picture", "x.mp4", "Unknown suffix"),
        ("film", "x.png", "Unknown suffix"),
        ("sound", "x.mp4", "Nothing to draw into"),
    ],
)
def test_what_cannot_be_drawn_into_is_refused_before_it_is_sent(
    request: pytest.FixtureRequest, tmp_path: Path, source: str, drawing: str, title: str
) -> None:
    if source == "sound":
        file = media_files.write_sound(tmp_path / "voice.wav")
    else:
        file = request.getfixturevalue(source)
    arguments = (file, "--annotate", tmp_path / drawing, "--json")
    # Nobody answers there.
    result = run_analyze(*arguments, "--server", "http://127.0.0.1:9")
    assert result.returncode == 1
    assert json.loads(result.stdout)["problem"]["title"] == title
    assert not (tmp_path / drawing).exists()


def test_a_sound_that_might_have_been_a_film_loses_only_its_drawing(
    processes: RunningServer, tmp_path: Path
) -> None:
    sound = media_files.write_film(tmp_path / "voice.mp4", None, media_files.speech(2.0, 48_000))
    result = run_analyze(sound, "--annotate", tmp_path / "x.mp4", "--json", "--server", processes.url)
    assert result.returncode == 1
    assert json.loads(result.stdout)["media"]["kind"] == "sound"
    assert "A sound has no picture." in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["voice.mp4"]


def test_exports_are_written_beside_the_documents(
    processes: RunningServer, film: Path, picture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results"
    formats = ("csv", "moments.csv", "jsonl", "vtt", "eaf", "emotionml")
    arguments = [part for name in formats for part in ("--export", name)]
    result = run_analyze(film, picture, "--out", out, "--quiet", *arguments, "--server", processes.url)
    assert (result.returncode, result.stderr) == (0, "")
    for file in (film, picture):
        analysis = Analysis.model_validate_json((out / f"{file.name}.json").read_bytes())
        for name in formats:
            written = (out / f"{file.name}.{name}").read_bytes()
            assert written == b"".join(BY_NAME[name].pieces(analysis))


def test_an_export_has_a_path_of_its_own(processes: RunningServer, film: Path, tmp_path: Path) -> None:
    path = tmp_path / "captions" / "talk.vtt"
    result = run_analyze(film, "--export", f"vtt={path}", "--server", processes.url)
    assert result.returncode == 0
    assert "happiness" in result.stdout
    assert path.read_text().startswith("WEBVTT")


def test_a_film_is_drawn_into(processes: RunningServer, film: Path, tmp_path: Path) -> None:
    folder = tmp_path / ("longer than a line of a terminal " * 3)
    folder.mkdir()
    path = folder / "drawn.mp4"
    result = run_analyze(film, "--annotate", path, "--server", processes.url)
    assert (result.returncode, result.stderr) == (0, f"Drawn into {path}.\n")
    assert path.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--export", "xlsx"), "none of csv, moments.csv"),
        (("--export", "csv", "--detail", "timeline"), "needs --detail frames"),
        (("--annotate", "x.mp4", "--detail", "summary"), "needs --detail frames"),
        (("--export", "csv", "--export", "csv"), "written twice"),
        (("--export", "csv="), "the name of a file is missing"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_analysed(
    film: Path, arguments: tuple[str, ...], reason: str
) -> None:
    result = CliRunner().invoke(app, ["analyze", str(film), "--server", "http://127.0.0.1:9", *arguments])
    assert result.exit_code == 2
    assert reason in " ".join(result.stderr.replace("│", " ").split())
