"""Settings of all services: what would only be noticed later, or never, stops the start."""

import base64
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from face_service.settings import FaceSettings
from fusion_service.settings import FusionSettings
from gateway.jobs.settings import JobSettings, WebhookSettings
from gateway.settings import GatewaySettings
from shared.settings import ServiceSettings, told_in_words
from speech_service.settings import SpeechSettings

SERVICES = (GatewaySettings, FaceSettings, SpeechSettings, FusionSettings)


def floats_of(settings: type[BaseModel], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting that takes a fraction, in groups too, with the type that it is checked against."""
    for name, field in settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from floats_of(field.annotation, f"{path}{name}__")
        elif "float" in str(field.annotation):
            yield f"{path}{name}", TypeAdapter(field.rebuild_annotation())


FLOATS = {
    f"{service.__name__}.{name}": checked for service in SERVICES for name, checked in floats_of(service)
}


def test_every_service_is_looked_at():
    assert set(SERVICES) == set(ServiceSettings.__subclasses__())
    assert {"GatewaySettings.live__max_seconds", "SpeechSettings.speech_seconds"} <= set(FLOATS)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), 1e12])
@pytest.mark.parametrize("name", FLOATS)
def test_no_setting_is_without_end(name: str, value: float):
    with pytest.raises(ValidationError):
        FLOATS[name].validate_python(value)


def whsec(length: int) -> str:
    return "whsec_" + base64.b64encode(bytes(range(length))).decode()


@pytest.mark.parametrize(
    "secret",
    [
        *("", "x", "geheim", "whsec_", "whsec_notbase64", whsec(24).removeprefix("whsec_")),
        *(whsec(23), whsec(65), whsec(32) + "!", whsec(32) + "\n", whsec(32).rstrip("=")),
    ],
)
def test_a_secret_that_cannot_sign(secret: str):
    with pytest.raises(ValidationError, match="whsec_ and the base64"):
        WebhookSettings(secret=secret)


@pytest.mark.parametrize("length", [24, 32, 64])
def test_a_secret_that_can(length: int):
    assert WebhookSettings(secret=whsec(length)).secret.get_secret_value() == whsec(length)


def test_what_stops_the_start_tells_no_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EMOTION_WEBHOOKS__SECRET", "whsec_of-nobody-else")
    monkeypatch.setenv("EMOTION_API_KEYS", "emo_of-nobody-else")
    with pytest.raises(ValidationError) as refused:
        GatewaySettings()
    assert refused.value.error_count() == 2
    assert "of-nobody-else" not in str(refused.value)


@pytest.mark.parametrize("service", SERVICES)
def test_an_empty_host_is_none(service: type[ServiceSettings], monkeypatch: pytest.MonkeyPatch):
    # To the system it is every address of this machine.
    monkeypatch.setenv("EMOTION_HOST", "")
    with pytest.raises(ValidationError, match="host"):
        service()


@pytest.mark.parametrize(
    "url",
    [
        *("postgres://u:geheim@h/n", "postgresqlx://u:geheim@h/n", "postgresql:geheim", "mysql://geheim@h/n"),
        *("postgresql+asyncpg://u:geheim@h/n", "postgresql://u:p@h:geheim/n", "postgresql://u:geheim@h:0/n"),
        *("postgresql://u:geheim@h:65536/n", "postgresql://u:geheim@h/n?sslmod=require"),
    ],
)
def test_a_database_that_could_never_be_asked(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EMOTION_JOBS__DATABASE_URL", url)
    with pytest.raises(ValidationError, match="must be postgresql://user:password@host:port/name") as refused:
        GatewaySettings()
    assert "geheim" not in str(refused.value) + str(told_in_words(refused.value))


@pytest.mark.parametrize(
    "url",
    [
        *("", "postgresql://", "postgresql://u:p%40%2F@h.example:5433/n?sslmode=require&connect_timeout=3"),
        *("postgresql+psycopg://h/n", "postgresql://u@[::1]:5432/n", "postgresql:///n?host=/run/postgresql"),
    ],
)
def test_a_database_that_may_be_there(url: str):
    assert JobSettings(database_url=url).database_url == url


@pytest.mark.parametrize("url", ["s3://", "s3:///prefix", "s3:bucket", "s3://a bucket", "https://bucket"])
def test_a_store_without_a_bucket(url: str):
    with pytest.raises(ValidationError, match="must be s3://bucket"):
        JobSettings(store_url=url)


@pytest.mark.parametrize("url", ["", "s3://bucket", "s3://bucket/", "s3://my-bucket.eu/prefix/of/ours"])
def test_a_store_with_a_bucket(url: str):
    assert JobSettings(store_url=url).store_url == url


def test_a_store_whose_library_is_not_installed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ValidationError, match="extra s3"):
        JobSettings(store_url="s3://bucket")


@pytest.mark.parametrize("name", ["at_once", "most", "most_per_caller"])
def test_a_number_of_jobs_that_no_database_holds(name: str):
    with pytest.raises(ValidationError, match=name):
        JobSettings(**{name: 10**20})


@pytest.mark.parametrize("folder", ["nonexistent", "a-file"])
def test_a_folder_for_uploads_that_takes_none(tmp_path: Path, folder: str):
    (tmp_path / "a-file").touch()
    with pytest.raises(ValidationError, match="temporary_folder"):
        GatewaySettings(temporary_folder=tmp_path / folder)


def test_the_folder_for_uploads_is_left_empty(tmp_path: Path):
    assert GatewaySettings(temporary_folder=tmp_path).temporary_folder == tmp_path
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://app.example", "https://app.example"),
        ("https://app.example/", "https://app.example"),
        ("HTTPS://App.Example:443", "https://app.example"),
        ("http://app.example:8443/", "http://app.example:8443"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
        ("*", "*"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(written: str, sent: str):
    assert GatewaySettings(cors_origins=f" {written} ,").cors_origins == (sent,)


@pytest.mark.parametrize(
    "origin",
    [
        *("app.example", "null", "https://", "https://app.example/page", "https://app.example//"),
        *("https://[::", "*.example", "https://*.example", "https://a.example:99999", "https://a b.example"),
        *("https://me@app.example", "https://bücher.example"),
    ],
)
def test_an_origin_that_no_browser_sends(origin: str):
    with pytest.raises(ValidationError, match="cors_origins"):
        GatewaySettings(cors_origins=f"https://app.example,{origin}")


@pytest.mark.parametrize("service", ["face", "speech", "fusion"])
def test_the_address_of_a_service(service: str):
    name = f"{service}_url"
    assert getattr(GatewaySettings(**{name: "http://face_1:8001/"}), name) == "http://face_1:8001"
    for wrong in (
        "face:8001",
        "nonsense",
        "",
        "ftp://face",
        "http://face:99999",
        "http://face/v1",
        "http://[",
    ):
        with pytest.raises(ValidationError, match=name):
            GatewaySettings(**{name: wrong})
