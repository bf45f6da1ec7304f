import json
from pathlib import Path

import pytest
import typer

from cli.output_plan import OutputPlan, plan_output
from cli.outputs import json_line, plan_outputs, write_document
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


@pytest.fixture
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files to analyse, the current one."""
    monkeypatch.chdir(tmp_path)
    for name in ("clip.mp4", "film.avi", "keep.jpg", "more/clip.mp4"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"not looked at")
    (tmp_path / "link.json").symlink_to("keep.jpg")
    (tmp_path / "twin.json").hardlink_to("keep.jpg")
    return tmp_path


def plan(*files: str, out: str | None = None, export: str = "", annotate: str | None = None) -> OutputPlan:
    return plan_output(
        [Path(file) for file in files], out=out, exports=export.split(), annotate=annotate, detail=None
    )


@pytest.mark.usefixtures("media")
@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"out": "keep.jpg"}, "--out"),
        ({"out": "./more/../keep.jpg"}, "--out"),
        ({"out": "link.json"}, "--out"),
        ({"out": "twin.json"}, "--out"),
        ({"export": "jsonl=keep.jpg"}, "--export"),
        ({"annotate": "keep.jpg"}, "--annotate"),
        ({"annotate": "."}, "--annotate"),
    ],
)
def test_what_is_analysed_is_never_overwritten(arguments: dict[str, str], hint: str) -> None:
    with pytest.raises(typer.BadParameter, match="is to be analysed and would be overwritten") as refusal:
        plan("keep.jpg", **arguments)
    assert refusal.value.param_hint == hint


@pytest.mark.usefixtures("media")
def test_none_of_several_is_overwritten_by_what_comes_out_of_another() -> None:
    with pytest.raises(typer.BadParameter, match=r"film\.avi\.mp4"):
        plan("film.avi", "film.avi.mp4", annotate="drawn")
    Path("film.avi.mp4").write_bytes(b"not looked at")
    with pytest.raises(typer.BadParameter, match="overwritten"):
        plan("film.avi", "film.avi.mp4", annotate=".")


@pytest.mark.usefixtures("media")
@pytest.mark.parametrize(
    ("files", "arguments"),
    [
        (["keep.jpg"], {"out": "same.json", "export": "jsonl=same.json"}),
        (["keep.jpg"], {"out": "new.png", "annotate": "more/../new.png"}),
        (["keep.jpg"], {"export": "csv=same.csv jsonl=same.csv"}),
        (["keep.jpg"], {"export": "csv csv"}),
        (["keep.jpg"], {"export": "csv=new.png", "annotate": "new.png"}),
        (["clip.mp4", "more/clip.mp4"], {"out": "results"}),
        (["clip.mp4", "more/clip.mp4"], {"export": "csv"}),
        (["clip.mp4", "more/clip.mp4"], {"annotate": "drawn"}),
    ],
)
def test_nothing_is_written_twice(files: list[str], arguments: dict[str, str]) -> None:
    with pytest.raises(typer.BadParameter, match="would be written twice"):
        plan(*files, **arguments)


@pytest.mark.usefixtures("media")
def test_what_gets_in_nobodys_way_is_planned() -> None:
    both = plan("clip.mp4", "film.avi", out="results", export="csv", annotate="results")
    assert both.documents == {Path(name): Path(f"results/{name}.json") for name in ("clip.mp4", "film.avi")}
    assert [export.path for export in both.exports[Path("clip.mp4")]] == [Path("results/clip.mp4.csv")]
    assert both.annotations == {Path(name): Path(f"results/{name}") for name in ("clip.mp4", "film.avi")}
    # What was written before is written again, and a film that is not written as AVI is drawn beside itself.
    Path("old.json").write_bytes(b"{}")
    assert plan("film.avi", out="old.json", annotate=".").documents == {Path("film.avi"): Path("old.json")}


def test_a_document_is_the_analysis_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "clip.json"
    write_document(path, film_analysis())
    assert Analysis.model_validate_json(path.read_bytes()) == film_analysis()


def test_a_line_of_json_begins_with_the_file() -> None:
    line = json_line(Path("né\udcff.mp4"), {"id": "an_1"})
    assert line == '{"file": "n\\u00e9\\udcff.mp4", "id": "an_1"}'
    assert json.loads(line)["id"] == "an_1"
