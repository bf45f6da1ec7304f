"""The command line's own rules: help, usage, exit statuses. No network is loaded here."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cli.main import app
from cli.models import main_figure
from shared.contracts.manifests import Figure, ModelList
from tests.cli.stack import EMOTION

runner = CliRunner()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EMOTION_SERVER", "EMOTION_THREADS", "EMOTION_HOST", "EMOTION_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"not looked at")
    return path


@pytest.mark.parametrize("command", [[], ["serve"], ["analyze"], ["models"], ["keys"], ["keys", "create"]])
def test_every_command_has_help(command: list[str]) -> None:
    result = runner.invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage: emotion" in result.stdout


def test_help_and_the_document_name_all_commands() -> None:
    shown = runner.invoke(app, ["--help"]).stdout
    document = Path(__file__).parents[2].joinpath("docs", "command-line.md").read_text("utf-8")
    commands = get_command(app).commands
    assert {"serve", "analyze", "models", "keys"} <= set(commands)
    for command in commands:
        assert command in shown
        assert f"## `emotion {command}`\n" in document


@pytest.mark.parametrize(
    ("module", "heavy"),
    [("cli.main", ["httpx", "numpy", "onnxruntime"]), ("cli.serve", ["numpy", "uvicorn"])],
)
def test_it_starts_quickly_and_supervises_in_little_memory(module: str, heavy: list[str]) -> None:
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"


def test_version() -> None:
    result = runner.invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("emotion 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze"],
        ["analyze", "a.jpg", "--fps", "0"],
        ["analyze", "a.jpg", "--fps", "31"],
        ["analyze", "a.jpg", "--modalities", "voice"],
        ["analyze", "a.jpg", "--start", "5", "--end", "5"],
        ["analyze", "a.jpg", "--end", "0"],
        ["analyze", "a.jpg", "--strategy", "best"],
        ["analyze", "a.jpg", "--strategy", "speech", "--modalities", "face"],
        ["analyze", "a.jpg", "--profile", "large"],
        ["analyze", "a.jpg", "--detail", "all"],
        ["analyze", "a.jpg", "--server", "localhost:8000"],
        ["analyze", "a.jpg", "--server", "http://127.0.0.1:99999"],
        ["analyze", "a.jpg", "--server", "http://[::1"],
        ["analyze", "a.jpg", "--api-key", "ключ"],
        ["analyze", "a/x.jpg", "b/x.jpg", "--out", "results"],
        ["analyze", "a.jpg", "--unknown"],
        ["serve", "--port", "65536"],
        ["unknown"],
    ],
)
def test_wrong_usage_is_status_2_and_says_what_is_wrong(arguments: list[str]) -> None:
    result = runner.invoke(app, arguments)
    assert result.exit_code == 2
    assert "Error" in result.stderr or "Missing" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_server_that_is_not_there_is_status_3_and_says_what_to_do(picture: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = runner.invoke(app, ["analyze", str(picture), "--server", f"http://127.0.0.1:{port}"])
    assert result.exit_code == 3
    assert "Server cannot be reached" in result.stderr
    assert "emotion serve" in result.stderr
    assert result.stdout == ""


def test_a_name_that_nobody_has_is_status_3(picture: Path) -> None:
    result = runner.invoke(app, ["analyze", str(picture), "--server", "http://nowhere.invalid"])
    assert result.exit_code == 3


def test_the_server_can_be_named_by_the_environment(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_SERVER", "http://nowhere.invalid")
    result = runner.invoke(app, ["analyze", str(picture)])
    assert result.exit_code == 3
    assert "nowhere.invalid" in result.stderr


def test_a_key_that_is_none_is_status_2_and_not_shown(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_API_KEY", "emo_secret\nmore")
    result = runner.invoke(app, ["analyze", str(picture), "--server", "http://nowhere.invalid"])
    assert result.exit_code == 2
    assert "EMOTION_API_KEY" in result.stderr
    assert "emo_secret" not in result.output


def test_serve_on_a_used_port_is_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = runner.invoke(app, ["serve", "--port", str(port)])
    assert result.exit_code == 1
    assert f"port {port}: address already in use. Choose another port with --port." in result.stderr


def test_serve_on_a_host_that_is_none_speaks_of_the_host() -> None:
    result = runner.invoke(app, ["serve", "--host", "nowhere.invalid"])
    assert result.exit_code == 1
    assert "Choose an address or name of this machine with --host." in result.stderr
    assert "--port" not in result.stderr


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["models"]])
def test_a_wrong_setting_is_status_2_and_named(monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    monkeypatch.setenv("EMOTION_THREADS", "0")
    result = runner.invoke(app, command)
    assert result.exit_code == 2
    assert "Wrong setting in the environment: EMOTION_THREADS: " in result.stderr.replace("\n", " ")


def test_models_lists_what_is_installed() -> None:
    shown = runner.invoke(app, ["models"])
    listed = runner.invoke(app, ["models", "--json"])
    assert (shown.exit_code, listed.exit_code) == (0, 0)
    models = ModelList.model_validate(json.loads(listed.stdout)).models
    assert {"fusion_service", "speech_service"} <= {model.service for model in models}
    assert all(model.name in shown.stdout for model in models)


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["--help"],
        ["--version"],
        ["models"],
        ["models", "--json"],
        ["models", "--help"],
        ["keys"],
        ["keys", "create"],
    ],
)
def test_what_standard_output_does_not_take_is_status_1(command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [EMOTION, *command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    said = "Cannot write to standard output: No space left on device.\n"
    assert (result.returncode, result.stderr) == (1, said)


def test_models_with_a_broken_network_is_status_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "default" / "fusion"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    monkeypatch.setenv("EMOTION_FUSION_MODELS", str(tmp_path))
    result = runner.invoke(app, ["models"])
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr


def test_the_main_figure_is_the_first_with_its_interval() -> None:
    figures = (Figure(what="RAF-DB test, accuracy", value=0.8123, n=3068, low=0.798, high=0.826),)
    assert main_figure(figures) == "RAF-DB test, accuracy: 0.812 (0.798 to 0.826), n = 3068"
    assert main_figure(()) == "see its card"
