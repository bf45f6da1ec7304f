"""What can be said of the containers by reading: needs no engine."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from containers.requirements import requirements
from face_service.settings import FaceSettings
from fusion_service.settings import FusionSettings
from gateway.settings import GatewaySettings
from speech_service.settings import SpeechSettings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
FOLDERS = {
    "face": "face_service",
    "speech": "speech_service",
    "fusion": "fusion_service",
    "gateway": "gateway",
}
SETTINGS = {
    "face": FaceSettings,
    "speech": SpeechSettings,
    "fusion": FusionSettings,
    "gateway": GatewaySettings,
}
# Where a service listens, where its files lie, and where the others are, image and compose say.
DECIDED = {
    "EMOTION_HOST",
    "EMOTION_PORT",
    "EMOTION_LISTENER",
    "EMOTION_FACE_URL",
    "EMOTION_SPEECH_URL",
    "EMOTION_FUSION_URL",
    "EMOTION_FACE_MODELS",
    "EMOTION_SPEECH_MODELS",
    "EMOTION_FUSION_MODELS",
    "EMOTION_TEMPORARY_FOLDER",
    "EMOTION_JOBS__DATA_FOLDER",
}


def variables(settings: type[BaseModel], prefix: str = "EMOTION_") -> Iterator[str]:
    """The environment variables that settings are read from."""
    for name, field in settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from variables(field.annotation, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}"


@pytest.mark.parametrize("service", FOLDERS)
def test_every_setting_is_passed_on(service):
    told = COMPOSE["services"][service]["environment"]
    passed_on = {
        name for name, value in told.items() if value is None or str(value).startswith(f"${{{name}:-")
    }
    assert passed_on == set(variables(SETTINGS[service])) - DECIDED
    assert told.keys() - passed_on <= DECIDED


@pytest.mark.parametrize(
    ("page", "heading"),
    [
        ("README.md", "Settings"),
        ("docs/jobs.md", "Settings"),
        ("docs/operations.md", "Settings of the inner services"),
    ],
)
def test_a_table_of_settings_names_settings(page, heading):
    table = (ROOT / page).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(EMOTION_\w+)`", table)) - {"EMOTION_CORPORA"}
    assert named
    assert named <= {name for settings in SETTINGS.values() for name in variables(settings)}


def test_every_setting_is_documented():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    told = set(re.findall(r"`(EMOTION_\w+)", " ".join(page.read_text() for page in pages)))
    # That page leaves the prefix out of its table.
    live = (ROOT / "docs/live.md").read_text()
    told |= {f"EMOTION_LIVE__{name}" for name in re.findall(r"`([A-Z_]+)`", live)}
    read = {name for settings in SETTINGS.values() for name in variables(settings)}
    # Limits on media have the names that GET /v1/limits gives them; the supervisor hands the listener on.
    left = {name for name in read - told if not name.startswith("EMOTION_MEDIA__")}
    assert left <= {"EMOTION_LISTENER"}


@pytest.mark.parametrize("service", FOLDERS)
def test_a_service_is_shut_in(service):
    told = COMPOSE["services"][service]
    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert told["security_opt"] == ["no-new-privileges:true"]
    assert told["init"] is True
    assert told["mem_limit"]
    assert told["cpu_quota"]
    assert told["pids_limit"]
    assert all("noexec" in mount and "size=" in mount for mount in told["tmpfs"])
    assert told["stop_grace_period"] == "30s"
    assert told.get("volumes", []) == (["jobs:/var/lib/emotion"] if service == "gateway" else [])
    assert not {"privileged", "devices", "cap_add", "pid", "ipc"} & set(told)


def test_only_the_gateway_is_published_and_only_to_this_machine():
    published = {name: told["ports"] for name, told in COMPOSE["services"].items() if "ports" in told}
    assert published == {"gateway": ["127.0.0.1:${EMOTION_PORT:-8000}:8000"]}
    assert {name: told["networks"] for name, told in COMPOSE["services"].items()} == {
        "face": ["inner"],
        "speech": ["inner"],
        "fusion": ["inner"],
        "gateway": ["inner", "outer"],
    }
    assert COMPOSE["networks"]["inner"] == {"internal": True}


def test_the_gateway_waits_until_the_others_are_well():
    assert COMPOSE["services"]["gateway"]["depends_on"] == {
        name: {"condition": "service_healthy"} for name in ("face", "speech", "fusion")
    }


def test_uploads_fit_into_the_temporary_folder():
    gateway = COMPOSE["services"]["gateway"]
    told = {
        name: str(value).rpartition(":-")[2].rstrip("}") for name, value in gateway["environment"].items()
    }
    places = int(told["EMOTION_MAX_ANALYSES"]) + int(told["EMOTION_MAX_WAITING"])
    assert gateway["tmpfs"][0].startswith("/tmp:size=1g,")
    assert places * int(told["EMOTION_MAX_UPLOAD_BYTES"]) < 2**30


def test_the_dockerfiles_are_one_but_for_names_and_ports():
    texts = set()
    for service, folder in FOLDERS.items():
        port = {"gateway": 8000, "face": 8001, "speech": 8002, "fusion": 8003}[service]
        text = (ROOT / folder / "Dockerfile").read_text()
        text = text.replace(f"requirements.py {service} ", "requirements.py EXTRA ")
        texts.add(text.replace(folder, "SERVICE").replace(str(port), "PORT"))
    assert len(texts) == 1


@pytest.mark.parametrize("service", FOLDERS)
def test_threads_of_numpy_do_not_grow_with_the_machine(service):
    # They would count against `pids_limit`.
    text = (ROOT / FOLDERS[service] / "Dockerfile").read_text()
    assert re.search(r"^ENV (?:.*\\\n)*?.*\bOPENBLAS_NUM_THREADS=1\b", text, re.MULTILINE)


def test_requirements_of_an_image_come_from_the_project_file():
    project = {"dependencies": ["a"], "optional-dependencies": {"face": ["b>1", "c"]}}
    assert requirements(project, None) == ["a"]
    assert requirements(project, "face") == ["b>1", "c"]
    with pytest.raises(KeyError):
        requirements(project, "faces")
