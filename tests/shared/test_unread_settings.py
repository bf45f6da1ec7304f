"""A slip in the name of a setting is told, and what others read is left alone."""

import json
import os
import socket
import subprocess
import sys

import pytest

from cli.house import read_house
from face_service.settings import FaceSettings
from fusion_service.settings import FusionSettings
from gateway.settings import GatewaySettings
from shared.unread_settings import MUCH_ALIKE, unread_settings
from speech_service.settings import SpeechSettings


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("EMOTION_MAX_UPLOADS_BYTES", "EMOTION_MAX_UPLOAD_BYTES"),
        ("EMOTION_MAX_UPLOADS", "EMOTION_MAX_UPLOAD_BYTES"),
        ("EMOTION_THREAD", "EMOTION_THREADS"),
        ("EMOTION_JOB__AT_ONCE", "EMOTION_JOBS__AT_ONCE"),
        ("EMOTION_FACE_MODEL", "EMOTION_FACE_MODELS"),
        ("emotion_log_levels", "EMOTION_LOG_LEVEL"),
        ("EMOTION_JOBS_AT_ONCE", "EMOTION_JOBS__AT_ONCE"),
        ("EMOTION_MEDIA_MAX_SECONDS", "EMOTION_MEDIA__MAX_SECONDS"),
        ("EMOTION_WEBHOOK_SECRET", "EMOTION_WEBHOOKS__SECRET"),
        ("EMOTION__THREADS", "EMOTION_THREADS"),
        ("EMOTION_LOG__LEVEL", "EMOTION_LOG_LEVEL"),
    ],
)
def test_a_slip_is_told_with_what_is_meant(written, meant):
    assert list(read_house().unread_settings(["PATH", written])) == [(written, meant)]


@pytest.mark.parametrize(
    "name",
    [
        "EMOTION_MAX_UPLOAD_BYTES",
        "emotion_threads",
        "EMOTION_JOBS",
        "EMOTION_JOBS__AT_ONCE",
        "EMOTION_SPEECH_MODELS",
        "EMOTION_API_KEY",
        "EMOTION_SERVER",
        "EMOTION_CORPORA",
        "EMOTION_OF_SOMEBODY_ELSE",
        "EMOTION_BROWSER_TESTS",
        "EMOTION_PROMETHEUS_PORT",
        "MAX_UPLOADS",
    ],
)
def test_what_is_read_or_somebody_elses_is_left_alone(name):
    assert not list(read_house().unread_settings([name]))


KINDS = (GatewaySettings, FaceSettings, SpeechSettings, FusionSettings)


@pytest.mark.parametrize("kind", KINDS)
def test_a_service_alone_takes_no_setting_of_another_for_a_slip(kind):
    """As where one file of variables is given to all containers."""
    everything = [f"EMOTION_{name.upper()}" for other in KINDS for name in other.model_fields]
    others = ["EMOTION_SERVER", "EMOTION_API_KEY", "EMOTION_TAG", "EMOTION_CORPORA"]
    groups = {name: field.annotation for name, field in GatewaySettings.model_fields.items()}
    for group in ("jobs", "live", "media", "webhooks"):
        everything += [f"EMOTION_{group}__{name}".upper() for name in groups[group].model_fields]
    assert not list(unread_settings([*everything, *others], kind, alike=MUCH_ALIKE))


@pytest.mark.parametrize("service", ["gateway", "face_service", "speech_service", "fusion_service"])
def test_a_service_started_alone_logs_a_slip(service, tmp_path):
    """It ends at once, as its port is taken; what it logged before is read."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = subprocess.run(
            [sys.executable, "-m", service],
            env={
                **os.environ,
                "EMOTION_PORT": str(taken.getsockname()[1]),
                "EMOTION_JOBS__DATA_FOLDER": str(tmp_path / "jobs"),
                "EMOTION_TREADS": "2",
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    lines = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
    told = [line for line in lines if "no setting" in line["message"]]
    assert [(line["level"], line["message"]) for line in told] == [
        ("warning", "EMOTION_TREADS is no setting: nothing reads it. Is EMOTION_THREADS meant?")
    ]
