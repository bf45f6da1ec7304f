"""`emotion analyze` with the real services: through a server, and without one."""

import asyncio
import contextlib
import json
import math
import os
import pty
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from cli import analyze as analyses
from cli import doors
from cli.failures import RefusedError
from cli.local_door import open_local_door
from cli.main import app
from cli.options import Options
from cli.progress import NoProgress
from shared.contracts.analyses import Analysis, Detail
from shared.contracts.fusion import Strategy
from shared.contracts.media import Modality
from tests.cli.stack import EMOTION, RunningServer, clean_environment, run_analyze

pytestmark = pytest.mark.stack


def test_a_film_is_reported_for_people(processes: RunningServer, film: Path) -> None:
    result = run_analyze(film, "--server", processes.url)
    assert result.returncode == 0
    assert result.stderr == ""
    assert "\x1b" not in result.stdout
    for part in (str(film), "film, mp4", "person", "happiness", "fusion-"):
        assert part in result.stdout


def test_json_goes_alone_to_standard_output_and_documents_to_files(
    processes: RunningServer, film: Path, picture: Path, text_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results"
    files = (film, text_file, picture)
    result = run_analyze(*files, "--json", "--out", out, EMOTION_SERVER=processes.url)
    assert result.returncode == 1
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line.pop("file") for line in lines] == list(map(str, files))
    assert lines[1]["problem"]["type"] == "/problems/unsupported-media"
    for line, file in ((lines[0], film), (lines[2], picture)):
        analysis = Analysis.model_validate(line)
        assert analysis.frames is not None
        assert Analysis.model_validate_json((out / f"{file.name}.json").read_bytes()) == analysis
    assert sorted(path.name for path in out.iterdir()) == ["face.jpg.json", "talk.mp4.json"]


def test_what_cannot_be_analysed_says_why_and_what_to_do(
    processes: RunningServer, text_file: Path, tmp_path: Path
) -> None:
    empty, missing = tmp_path / "empty.wav", tmp_path / "missing.wav"
    empty.touch()
    result = run_analyze(text_file, empty, missing, tmp_path, "--server", processes.url)
    assert result.returncode == 1
    assert result.stdout == ""
    said = " ".join(result.stderr.split())
    for part in (
        "Unsupported media",
        "Send a JPEG",
        "Empty upload",
        "No such file or directory",
        "Is a directory",
    ):
        assert part in said
    assert "Traceback" not in said


def test_a_pipe_is_no_file(processes: RunningServer, picture: Path, tmp_path: Path) -> None:
    """One that nobody writes into is not waited for either; a file may come as standard input."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    result = run_analyze(pipe, "--json", "--server", processes.url)
    assert result.returncode == 1
    assert json.loads(result.stdout)["problem"]["detail"] == "It is a pipe or a device, not a file."
    with picture.open("rb") as file:
        command = [EMOTION, "analyze", "/dev/stdin", "--server", processes.url]
        subprocess.run(command, env=clean_environment(), stdin=file, check=True, timeout=180)


def test_all_options_reach_the_server(processes: RunningServer, film: Path) -> None:
    options = "--fps 2 --modalities face --start 1 --end 2 --strategy face --profile paper --detail frames"
    result = run_analyze(film, "--json", "--server", processes.url, *options.split())
    assert result.returncode == 0, result.stderr
    analysis = Analysis.model_validate_json(result.stdout.replace(f'"file": "{film}", ', "", 1))
    assert analysis.profile == "paper"
    assert analysis.speech is None
    assert [round(frame.t, 1) for frame in analysis.frames] == [1.0, 1.5]


def test_quiet_prints_nothing(processes: RunningServer, picture: Path) -> None:
    result = run_analyze(picture, "--quiet", "--server", processes.url)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_results_that_standard_output_does_not_take_are_a_failure(
    processes: RunningServer, picture: Path, options: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [EMOTION, "analyze", picture, "--server", processes.url, *options],
            env=clean_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=180,
            check=False,
        )
    said = "Cannot write to standard output: No space left on device.\n"
    assert (result.returncode, result.stderr) == (1, said)


async def test_without_a_server_the_answer_is_the_same(processes: RunningServer, film: Path) -> None:
    told: list[tuple[float, float | None]] = []

    class Progress(NoProgress):
        def decoded(self, seconds: float, of_seconds: float | None, frames: int) -> None:
            told.append((seconds, of_seconds))

    async with open_local_door() as door:
        here = await door.analyse(film, Options(detail=Detail.TIMELINE), Progress())
    there = Analysis.model_validate_json(
        run_analyze(film, "--json", "--detail", "timeline", "--server", processes.url).stdout.replace(
            f'"file": "{film}", ', "", 1
        )
    )
    exclude = {"id", "timings_ms"}
    assert here.model_dump(exclude=exclude) == there.model_dump(exclude=exclude)
    assert told == sorted(told)
    assert told
    assert all(of == pytest.approx(3, abs=0.2) for _, of in told)


async def test_without_a_server_options_are_refused_as_by_one(processes: RunningServer, film: Path) -> None:
    refused = (
        (Options(fps=math.nan), "fps"),
        (Options(start=math.inf), "start"),
        (Options(start=math.nan), "start"),
        (Options(end=1e7), "end"),
        (Options(start=2, end=1), "end"),
        (Options(strategy=Strategy.FACE, modalities=(Modality.SPEECH,)), "strategy"),
        (Options(strategy=Strategy.SPEECH, modalities=(Modality.FACE,), start=2, end=1), "end"),
    )
    remote = doors.ServerDoor(processes.url)
    async with open_local_door() as local:
        for options, field in refused:
            documents = []
            for door in (local, remote):
                with pytest.raises(RefusedError) as caught:
                    await door.analyse(film, options, NoProgress())
                documents.append({**caught.value.document, "request_id": None})
            here, there = documents
            assert here == there
            assert (here["type"], here["field"]) == ("/problems/bad-parameter", field)
    await remote.close()


def test_a_wrong_option_without_a_server_is_a_file_that_was_not_analysed(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyses, "NEARBY_SERVER", "http://127.0.0.1:9")
    monkeypatch.delenv("EMOTION_SERVER", raising=False)
    result = CliRunner().invoke(app, ["analyze", str(picture), "--start", "inf", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problem"]["field"] == "start"
    assert "Bad parameter" in result.stderr


def test_without_a_server_it_says_so_and_works(
    picture: Path, text_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyses, "NEARBY_SERVER", "http://127.0.0.1:9")
    monkeypatch.delenv("EMOTION_SERVER", raising=False)
    files = [str(picture), str(text_file), str(tmp_path / "missing.jpg")]
    result = CliRunner().invoke(app, ["analyze", *files])
    assert result.exit_code == 1
    assert "analysing inside this process" in result.stderr
    assert "Unsupported media" in result.stderr
    assert "No such file" in result.stderr
    assert "Traceback" not in result.stderr
    assert "happiness" in result.stdout


def test_a_long_film_goes_as_a_job_that_is_followed_and_erased(
    processes: RunningServer, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "LONG_FILM_BYTES", 0)
    told: list[tuple[float, float | None, int]] = []
    erased: list[str] = []

    class Progress(NoProgress):
        def decoded(self, *at: object) -> None:
            told.append(at)

    async def analyse_twice() -> tuple[Analysis, Analysis]:
        door = doors.ServerDoor(processes.url)
        cancel = door._client.cancel

        async def cancelled(job_id: str) -> None:
            await cancel(job_id)
            erased.append(job_id)

        monkeypatch.setattr(door._client, "cancel", cancelled)
        try:
            as_job = await door.analyse(film, Options(), Progress())
            monkeypatch.setattr(doors, "LONG_FILM_BYTES", 10**9)
            return as_job, await door.analyse(film, Options(), NoProgress())
        finally:
            await door.close()

    as_job, plain = asyncio.run(analyse_twice())
    exclude = {"id", "timings_ms"}
    assert as_job.model_dump(exclude=exclude) == plain.model_dump(exclude=exclude)
    assert told == sorted(told)
    assert told[-1][2] >= 10
    assert erased == [as_job.id]
    assert httpx.get(f"{processes.url}/v1/analyses/{as_job.id}").status_code == 404


def test_a_terminal_shows_a_progress_bar(processes: RunningServer, film: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [EMOTION, "analyze", film, "--server", processes.url],
        env=clean_environment({"TERM": "xterm-256color", "COLUMNS": "100"}),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    # Linux ends a terminal whose other side has closed with EIO.
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    assert process.wait(60) == 0
    assert b"analysing" in shown
    assert b"\x1b[" in shown


async def test_whoever_stops_waiting_has_the_job_erased(
    processes: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.media_files import talking_film  # noqa: PLC0415 - brings decoders along

    monkeypatch.setattr(doors, "LONG_FILM_BYTES", 0)
    film = talking_film(tmp_path / "long.mp4", seconds=10)
    door = doors.ServerDoor(processes.url)
    erased: list[str] = []
    cancel = door._client.cancel

    async def cancelled(job_id: str) -> None:
        await cancel(job_id)
        erased.append(job_id)

    monkeypatch.setattr(door._client, "cancel", cancelled)

    class Impatient(NoProgress):
        def decoded(self, *at: object) -> None:
            waiting.cancel()

    waiting = asyncio.ensure_future(door.analyse(film, Options(fps=30), Impatient()))
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await door.close()
    (job_id,) = erased
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{processes.url}/v1/analyses/{job_id}")
    assert answer.status_code == 404


@pytest.mark.parametrize(("part", "option"), [("pympi", "--export=csv"), ("av", "--annotate=x.mp4")])
def test_without_the_extra_it_says_what_to_install(picture: Path, part: str, option: str) -> None:
    result = _run_without(part, "analyze", picture, option, "--server", "http://127.0.0.1:9")
    assert result.returncode == 2
    assert "emotion-server[gateway]" in result.stderr


def test_without_server_and_networks_it_says_what_to_do(picture: Path) -> None:
    result = _run_without("cv2", "analyze", picture)
    assert result.returncode == 2
    assert "--server" in result.stderr
    assert "emotion-server[all]" in result.stderr


def test_the_client_alone_says_what_the_command_needs() -> None:
    result = _run_without("typer", "--version")
    assert result.returncode == 1
    assert "emotion-server[cli]" in result.stderr


def _run_without(part: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as if a library were not installed, and no server were near; it has to say so."""
    lines = (
        f"import sys; sys.modules[{part!r}] = None",
        "import cli.analyze; cli.analyze.NEARBY_SERVER = 'http://127.0.0.1:9'" if part != "typer" else "",
        "from cli.entry import main; main()",
    )
    result = subprocess.run(
        [sys.executable, "-c", "\n".join(lines), *arguments],
        env=clean_environment({"COLUMNS": "200", "PYTHONPATH": str(Path(__file__).parents[2])}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert f"needs {part}, which is not installed" in result.stderr
    assert "Traceback" not in result.stderr
    return result
