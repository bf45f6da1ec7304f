import json
from pathlib import Path

import pytest

from cli.outputs import OutputPlanError, json_line, plan_outputs, write_document
from shared.contracts.analyses import Analysis
from tests.cli.samples import film_analysis

A, B = Path("a/clip.mp4"), Path("b/voice.wav")


def test_one_file_goes_where_out_says(tmp_path: Path) -> None:
    assert plan_outputs([A], "result.json") == {A: Path("result.json")}
    assert plan_outputs([A], "results/") == {A: Path("results/clip.mp4.json")}
    assert plan_outputs([A], str(tmp_path)) == {A: tmp_path / "clip.mp4.json"}


def test_several_files_go_into_a_folder() -> None:
    assert plan_outputs([A, B], "results") == {
        A: Path("results/clip.mp4.json"),
        B: Path("results/voice.wav.json"),
    }


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(OutputPlanError, match=r"clip\.mp4"):
        plan_outputs([A, Path("b/clip.mp4")], "results")


def test_a_document_is_the_analysis_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "clip.json"
    write_document(path, film_analysis())
    assert Analysis.model_validate_json(path.read_bytes()) == film_analysis()


def test_a_line_of_json_begins_with_the_file() -> None:
    line = json_line(Path("né\udcff.mp4"), {"id": "an_1"})
    assert line == '{"file": "n\\u00e9\\udcff.mp4", "id": "an_1"}'
    assert json.loads(line)["id"] == "an_1"
