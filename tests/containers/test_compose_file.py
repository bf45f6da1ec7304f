"""What can be said of the containers by reading: needs no engine."""

from pathlib import Path

import pytest
import yaml

from containers.requirements import requirements

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
FOLDERS = {
    "face": "face_service",
    "speech": "speech_service",
    "fusion": "fusion_service",
    "gateway": "gateway",
}


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


def test_requirements_of_an_image_come_from_the_project_file():
    project = {"dependencies": ["a"], "optional-dependencies": {"face": ["b>1", "c"]}}
    assert requirements(project, None) == ["a"]
    assert requirements(project, "face") == ["b>1", "c"]
    with pytest.raises(KeyError):
        requirements(project, "faces")
