"""A wrong setting ends the start of a service with 2 and a sentence that names the variable."""

import subprocess
import sys

import pytest

from tests.cli.stack import clean_environment

SERVICES = ["gateway", "face_service", "speech_service", "fusion_service"]


def start(service: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", service],
        env=clean_environment({"EMOTION_PORT": "0", **settings}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("service", SERVICES)
def test_the_start_ends_with_a_sentence(service: str):
    ended = start(service, EMOTION_THREADS="many", EMOTION_SHUTDOWN_SECONDS="0")
    assert (ended.returncode, ended.stdout) == (2, "")
    told, rest = ended.stderr.split("\n", 1)
    assert rest == ""
    assert told.startswith(f"{service}: Wrong setting in the environment: EMOTION_THREADS: ")
    assert "; EMOTION_SHUTDOWN_SECONDS: " in told


def test_a_group_that_is_no_json_is_named():
    ended = start("gateway", EMOTION_JOBS="x")
    assert ended.returncode == 2
    assert ended.stderr.startswith("gateway: Wrong setting in the environment: ")
    assert '"jobs"' in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_secret_is_not_told():
    ended = start("gateway", EMOTION_API_KEYS="the-key-itself")
    assert ended.returncode == 2
    assert "EMOTION_API_KEYS: must be hashes" in ended.stderr
    assert "the-key-itself" not in ended.stderr
