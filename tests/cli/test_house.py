"""Settings of the services of one machine."""

import sys

import pytest

from cli.addresses import listen, port_of
from cli.budget import ThreadSplit, split_threads
from cli.house import read_house
from cli.service_commands import commands_for
from shared.settings import SettingsError

EVERYWHERE = "0.0.0.0"  # noqa: S104 - only read back


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT", "THREADS", "FACE_URL", "LOG_LEVEL", "SHUTDOWN_SECONDS"):
        monkeypatch.delenv(f"EMOTION_{name}", raising=False)


@pytest.mark.parametrize(
    ("cpus", "split"), [(1, ThreadSplit(1, 1)), (2, ThreadSplit(2, 1)), (8, ThreadSplit(8, 4))]
)
def test_the_cpu_budget_is_split(cpus: int, split: ThreadSplit) -> None:
    assert split_threads(cpus) == split


def test_emotion_threads_is_the_budget_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_THREADS", "4")
    house = read_house()
    assert (house.face.threads, house.speech.threads, house.fusion.threads) == (4, 2, 1)


def test_host_and_port_concern_the_gateway_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_HOST", EVERYWHERE)
    monkeypatch.setenv("EMOTION_PORT", "9000")
    house = read_house(host=EVERYWHERE, port=9000)
    assert (house.gateway.host, house.gateway.port) == (EVERYWHERE, 9000)
    for inner in (house.face, house.speech, house.fusion):
        assert (inner.host, inner.port) != (EVERYWHERE, 9000)
        assert inner.host == "127.0.0.1"


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_THREADS", "many")
    with pytest.raises(SettingsError, match=r"EMOTION_THREADS: .*integer"):
        read_house()


def test_a_wrong_setting_of_a_group_is_named_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_LIVE__MAX_SECONDS", "inf")
    monkeypatch.setenv("EMOTION_CORS_ORIGINS", "https://app.example,app.example")
    with pytest.raises(SettingsError, match=r"EMOTION_LIVE__MAX_SECONDS: .*EMOTION_CORS_ORIGINS: "):
        read_house()


def test_a_command_a_service_and_the_gateway_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_FACE_URL", "http://elsewhere")
    monkeypatch.setenv("EMOTION_LOG_LEVEL", "WARNING")
    with listen("127.0.0.1", 0) as door:
        *inner, gateway = commands_for(read_house(port=port_of(door)), door)
    assert [command.name for command in inner] == ["face_service", "speech_service", "fusion_service"]
    assert list(gateway.command) == [sys.executable, "-P", "-m", "gateway"]
    assert gateway.environment["EMOTION_PORT"] == gateway.url.rpartition(":")[2]
    for command, name in zip(inner, ("FACE", "SPEECH", "FUSION"), strict=True):
        assert gateway.environment[f"EMOTION_{name}_URL"] == command.url
        assert command.url == f"http://127.0.0.1:{command.environment['EMOTION_PORT']}"
        assert command.environment["EMOTION_LOG_LEVEL"] == "WARNING"
        command.listener.close()
    assert len({command.url for command in (*inner, gateway)}) == 4
