"""The supervisor over real, tiny processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.processes import children_of, eventually, is_alive

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a supervisor over services with these behaviours."""
    started: list[subprocess.Popen[str]] = []

    def run(*behaviours: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.supervised", str(tmp_path), *behaviours],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout.readline() == "ready\n"


def pids(folder: Path, behaviour: str = "*") -> list[int]:
    files = folder.glob(f"*.{behaviour}.pids")
    return [int(line) for file in files for line in file.read_text().split()]


def test_all_run_until_sigterm_and_nothing_is_left(start: Start, tmp_path: Path) -> None:
    supervisor = start("good", "good", "has-child")
    wait_until_ready(supervisor)
    family = children_of(supervisor.pid)
    assert len(family) == 4
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(10) == 0
    # What was killed last may take a moment to end on a busy machine.
    assert eventually(lambda: not any(is_alive(pid) for pid in family), seconds=10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_the_other_stop_signals_stop_too(start: Start, number: signal.Signals) -> None:
    supervisor = start("good")
    wait_until_ready(supervisor)
    supervisor.send_signal(number)
    assert supervisor.wait(10) == 0


def test_children_die_with_a_supervisor_that_is_killed(start: Start) -> None:
    supervisor = start("good", "deaf")
    wait_until_ready(supervisor)
    family = children_of(supervisor.pid)
    supervisor.kill()
    supervisor.wait()
    assert eventually(lambda: not any(is_alive(pid) for pid in family), seconds=5)


def test_a_killed_service_is_started_again_and_leaves_no_zombie(start: Start, tmp_path: Path) -> None:
    supervisor = start("good")
    wait_until_ready(supervisor)
    [first] = pids(tmp_path)
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: len(pids(tmp_path)) == 2)
    assert eventually(lambda: children_of(supervisor.pid) == [pids(tmp_path)[1]])


def test_a_call_waits_for_a_service_that_starts_again(start: Start, tmp_path: Path) -> None:
    wait_until_ready(start("good"))
    [file] = tmp_path.glob("*.good.pids")
    port = int(file.name.partition(".")[0])
    os.kill(pids(tmp_path)[0], signal.SIGKILL)
    assert httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=60, trust_env=False).is_success
    assert len(pids(tmp_path)) == 2


def test_the_group_of_a_killed_service_goes_with_it(start: Start, tmp_path: Path) -> None:
    supervisor = start("has-child")
    wait_until_ready(supervisor)
    assert eventually(lambda: any(file.read_text() for file in tmp_path.glob("*.grandchild")))
    [grandchild] = [int(file.read_text()) for file in tmp_path.glob("*.grandchild")]
    os.kill(pids(tmp_path)[0], signal.SIGKILL)
    assert eventually(lambda: not is_alive(grandchild))


def test_a_service_that_hangs_is_started_again(start: Start, tmp_path: Path) -> None:
    supervisor = start("good")
    wait_until_ready(supervisor)
    os.kill(pids(tmp_path)[0], signal.SIGSTOP)
    assert eventually(lambda: len(pids(tmp_path)) == 2)


def test_a_service_that_says_that_it_hangs_is_started_again(start: Start, tmp_path: Path) -> None:
    supervisor = start("good")
    wait_until_ready(supervisor)
    (tmp_path / f"{pids(tmp_path)[0]}.hangs").touch()
    assert eventually(lambda: len(pids(tmp_path)) == 2)


@pytest.mark.parametrize(
    ("behaviour", "reason", "starts"),
    [
        ("ends", "it ended with exit status 7", 1 + 4),  # the first one and the whole budget
        ("cannot-load", "its networks could not be loaded", 1),
        ("never-ready", "it was not ready within 1 s", 1),
    ],
)
def test_a_service_that_does_not_stay_up_ends_it_all(
    start: Start, tmp_path: Path, behaviour: str, reason: str, starts: int
) -> None:
    supervisor = start("good", behaviour)
    assert supervisor.wait(60) == 1
    said = supervisor.stdout.read()
    assert f"tiny-{behaviour} does not stay up: {reason}" in said
    assert "ready" not in said.splitlines()
    # The good one may be ended before it could write its own.
    assert len(pids(tmp_path, behaviour)) == starts
    assert not any(is_alive(pid) for pid in pids(tmp_path))


def test_a_second_signal_does_not_wait(start: Start, tmp_path: Path) -> None:
    supervisor = start("deaf")
    wait_until_ready(supervisor)
    supervisor.send_signal(signal.SIGTERM)
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(10) == 3
    assert not any(is_alive(pid) for pid in pids(tmp_path))


def test_a_service_that_ignores_the_request_to_stop_is_killed(start: Start, tmp_path: Path) -> None:
    supervisor = start("deaf")
    wait_until_ready(supervisor)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(10) == 0
    assert not any(is_alive(pid) for pid in pids(tmp_path))
