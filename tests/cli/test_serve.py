"""`emotion serve` with the real services, in both topologies."""

import contextlib
import json
import os
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from shared.contracts.analyses import Analysis
from tests.cli.processes import (
    children_of,
    command_of,
    eventually,
    free_port,
    is_alive,
    nurseries_of,
    resident_bytes,
)
from tests.cli.stack import EMOTION, RunningServer, clean_environment, serving
from tests.stress.raw_http import connected, head, read_answer

pytestmark = pytest.mark.stack


def analyse(server: RunningServer, file: Path, **query: str) -> Analysis:
    answer = httpx.post(f"{server.url}/v1/analyses", params=query, content=file.read_bytes(), timeout=120)
    assert answer.status_code == 200, answer.text
    return Analysis.model_validate_json(answer.content)


def is_active(url: str) -> bool:
    """Whether a request with a body is under way."""
    metrics = httpx.get(f"{url}/metrics", timeout=60).text
    return 'http_server_active_requests{http_request_method="POST"} 1.0' in metrics


def what_it_says(analysis: Analysis) -> dict[str, object]:
    """All of it, except what differs from call to call."""
    return analysis.model_dump(exclude={"id", "timings_ms"})


def is_ready(url: str) -> bool:
    try:
        ready = httpx.get(f"{url}/health/ready", timeout=10)
    except httpx.TransportError:
        return False
    return ready.is_success and set(ready.json()["components"].values()) == {"ready"}


def service_pid(server: RunningServer, service: str) -> int:
    return next(pid for pid in children_of(server.process.pid) if command_of(pid)[-1:] == [service])


@pytest.mark.parametrize("query", [{}, {"profile": "paper", "strategy": "mean", "fps": "3"}])
def test_both_topologies_give_the_same_answer_to_the_same_film(
    processes: RunningServer, one_process: RunningServer, film: Path, query: dict[str, str]
) -> None:
    one, other = analyse(processes, film, **query), analyse(one_process, film, **query)
    assert what_it_says(one) == what_it_says(other)
    assert one.status == "complete"
    assert one.people


def test_it_is_ready_when_it_says_so(processes: RunningServer, one_process: RunningServer) -> None:
    for server in (processes, one_process):
        components = httpx.get(f"{server.url}/health/ready").json()["components"]
        assert components == dict.fromkeys(("networks", "face", "speech", "fusion"), "ready")


def test_each_service_is_a_process(processes: RunningServer) -> None:
    modules = [command_of(pid)[-1:] for pid in children_of(processes.process.pid)]
    for service in ("face_service", "speech_service", "fusion_service", "gateway"):
        assert modules.count([service]) == 1


def test_what_computes_gives_way_to_what_answers(processes: RunningServer) -> None:
    def niceness(pid: int) -> int:
        return os.getpriority(os.PRIO_PROCESS, pid)

    answering = {service_pid(processes, service) for service in ("gateway", "fusion_service")}
    computing = {service_pid(processes, service) for service in ("face_service", "speech_service")}
    computing |= {
        pid for nursery in nurseries_of(processes.process.pid) for pid in (nursery, *children_of(nursery))
    }
    assert max(map(niceness, answering)) < min(map(niceness, computing))


def test_all_of_it_idle_takes_less_than_a_gigabyte(processes: RunningServer) -> None:
    """Resident memory after some work, libraries that processes share counted once for each.

    Not that of a decoder that waits for its film: a copy of its nursery, most of whose pages it shares.
    """
    waiting = {pid for nursery in nurseries_of(processes.process.pid) for pid in children_of(nursery)}
    pids = {processes.process.pid, *children_of(processes.process.pid)} - waiting
    resident = {pid: resident_bytes(pid) for pid in pids}
    assert sum(resident.values()) < 1e9, resident


def test_logs_are_json_lines_from_all_services(processes: RunningServer) -> None:
    lines = [json.loads(line) for line in processes.log.read_text().splitlines()]
    assert {line["service"] for line in lines} >= {
        "gateway",
        "face_service",
        "speech_service",
        "fusion_service",
    }


def test_a_request_id_goes_through_inner_calls_undisturbed(one_process: RunningServer, picture: Path) -> None:
    """In one process the inner calls share the outer call's context: they must leave it as it was."""
    answer = httpx.post(
        f"{one_process.url}/v1/analyses",
        content=picture.read_bytes(),
        headers={"X-Request-Id": "outer-1"},
        timeout=120,
    )
    assert answer.headers["X-Request-Id"] == "outer-1"

    def lines() -> list[dict]:
        every = [json.loads(line) for line in one_process.log.read_text().splitlines()]
        return [
            line for line in every if line.get("request_id") == "outer-1" and line["message"] == "request"
        ]

    assert eventually(lambda: lines() and lines()[-1]["route"] == "/v1/analyses", seconds=5)
    assert {line["route"] for line in lines()} == {"/v1/faces", "/v1/fusion", "/v1/analyses"}


def test_a_killed_service_comes_back(tmp_path: Path, picture: Path) -> None:
    with serving(tmp_path) as server:
        for service in ("face_service", "fusion_service", "gateway"):
            before = service_pid(server, service)
            os.kill(before, signal.SIGKILL)
            assert eventually(lambda pid=before: not is_alive(pid))

        assert eventually(lambda: is_ready(server.url), seconds=60)
        assert analyse(server, picture).status == "complete"
        # Whatever the killed gateway had started is gone with it: one decoder parent is left.
        assert len(nurseries_of(server.process.pid)) == 1


def test_two_that_start_at_once_keep_clear_of_each_other(tmp_path: Path, picture: Path) -> None:
    with ThreadPoolExecutor(2) as threads, contextlib.ExitStack() as stack:
        servers = list(
            threads.map(lambda name: stack.enter_context(serving(tmp_path / name)), ("one", "other"))
        )
        for server in servers:
            assert analyse(server, picture).status == "complete"
            assert "starting it again" not in server.log.read_text()


def test_it_runs_with_its_standard_streams_closed(tmp_path: Path) -> None:
    port = free_port()
    with subprocess.Popen(
        ["sh", "-c", f'exec "{EMOTION}" serve --port {port} <&- >&- 2>&-'],
        cwd=tmp_path,
        env=clean_environment({"EMOTION_JOBS__DATA_FOLDER": str(tmp_path / "jobs")}),
    ) as process:
        assert eventually(
            lambda: process.poll() is not None or is_ready(f"http://127.0.0.1:{port}"), seconds=90
        )
        process.terminate()
        assert process.wait(60) == 0


@pytest.mark.parametrize("topology", [(), ("--single-process",)])
def test_sigterm_lets_a_running_request_finish_and_leaves_nothing(
    tmp_path: Path, film: Path, topology: tuple[str, ...]
) -> None:
    with serving(tmp_path, *topology, environment={"EMOTION_SHUTDOWN_SECONDS": "100"}) as server:
        family = children_of(server.process.pid)
        content = film.read_bytes()
        half = len(content) // 2
        under_way, signalled = threading.Event(), threading.Event()

        def body():
            yield content[:half]
            under_way.set()
            signalled.wait(30)
            yield content[half:]

        def stop() -> None:
            under_way.wait(30)
            server.process.terminate()
            signalled.set()

        stopping = threading.Thread(target=stop)
        stopping.start()
        answer = httpx.post(f"{server.url}/v1/analyses", content=body(), timeout=120)
        stopping.join()
        assert answer.status_code == 200
        assert server.process.wait(60) == 0
        assert not any(is_alive(pid) for pid in family)
        assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("topology", [(), ("--single-process",)])
def test_who_still_uploads_when_it_stops_is_told_so_without_a_fault(
    tmp_path: Path, film: Path, topology: tuple[str, ...]
) -> None:
    content = film.read_bytes()
    with (
        serving(tmp_path, *topology, environment={"EMOTION_SHUTDOWN_SECONDS": "1"}) as server,
        connected(server.url) as connection,
    ):
        connection.sendall(head(content_length=len(content)) + content[:1000])
        assert eventually(lambda: is_active(server.url))
        server.process.terminate()
        answer = read_answer(connection)
        assert server.process.wait(60) == 0
        assert (answer.status, answer.problem) == (503, "service-unavailable")
        assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("topology", [(), ("--single-process",)])
def test_nothing_outlives_a_server_that_is_killed(tmp_path: Path, topology: tuple[str, ...]) -> None:
    with serving(tmp_path, *topology) as server:
        family = children_of(server.process.pid)
        assert family
        server.process.kill()
        server.process.wait()
        assert eventually(lambda: not any(is_alive(pid) for pid in family), seconds=10)


@pytest.mark.parametrize("topology", [(), ("--single-process",)])
def test_networks_that_cannot_be_loaded_end_it_with_a_message(
    tmp_path: Path, topology: tuple[str, ...]
) -> None:
    result = subprocess.run(
        [EMOTION, "serve", "--port", "0", *topology],
        env=clean_environment({"EMOTION_FUSION_MODELS": str(tmp_path), "EMOTION_MAX_UPLOADS": "1"}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    first, *_, last = result.stderr.splitlines()
    assert "EMOTION_MAX_UPLOADS is no setting" in first
    assert last.startswith("emotion: fusion_service")
    assert "networks" in last
