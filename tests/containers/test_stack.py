"""The house as containers: shut in, the same answers, back after a crash, more of one, gone in the end."""

import json
import threading

import httpx
import pytest

from gateway.callers import hash_key, new_key
from tests.cli.processes import eventually
from tests.cli.stack import serving
from tests.containers.stack import (
    PATIENCE,
    SERVICES,
    analyse,
    ask_inside,
    crash,
    is_well,
    run_inside,
    running,
    settings_of,
    starts,
    wait_until_well,
)
from tests.media.test_sandbox import SCRIPT as INSIDE_THE_SANDBOX

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3600)]

WRITE = """
import pathlib, sys
try:
    pathlib.Path(sys.argv[1]).write_text('x')
except OSError as error:
    print(error.errno)
else:
    print('written')
"""
PRIVILEGES = "print(open('/proc/self/status').read())"
REACH = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 53), timeout=5).close()
except OSError as error:
    print('unreachable')
else:
    print('reached')
"""


def close(one: object, other: object) -> bool:
    """Equal, numbers within a hundredth: another build of a library may round otherwise."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(close(one[name], other[name]) for name in one)
        case list(), list():
            return len(one) == len(other) and all(map(close, one, other))
        case float() | int(), float() | int():
            return one == pytest.approx(other, abs=0.01)
    return one == other


def shown(answer: httpx.Response) -> dict:
    """An analysis without what differs from call to call."""
    assert answer.status_code == 200, answer.text
    analysis = answer.json()
    for name in ("id", "timings_ms"):
        del analysis[name]
    return analysis


def calls_of_faces(container) -> float:
    lines = ask_inside(container, "/metrics").splitlines()
    counts = [
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("http_server_request_duration_seconds_count") and 'http_route="/v1/faces"' in line
    ]
    return sum(counts)


@pytest.mark.parametrize("service", SERVICES)
def test_the_engine_holds_a_service_to_its_limits(stack, service):
    told = stack.container(service).attrs
    limits = told["HostConfig"]
    assert limits["ReadonlyRootfs"]
    assert limits["CapDrop"] == ["ALL"]
    assert not limits["CapAdd"]
    assert not limits["Privileged"]
    assert limits["SecurityOpt"] == ["no-new-privileges:true"]
    assert 0 < limits["Memory"] <= 2 << 30
    assert 0 < limits["CpuQuota"] <= 200_000
    assert 0 < limits["PidsLimit"] <= 128
    assert limits["RestartPolicy"]["Name"] == "unless-stopped"
    mounts = [(mount["Type"], mount["Destination"]) for mount in told["Mounts"]]
    assert mounts == ([("volume", "/var/lib/emotion")] if service == "gateway" else [])
    assert told["Config"]["User"] == "10001:10001"


@pytest.mark.parametrize("service", SERVICES)
def test_a_process_inside_can_do_little(stack, service):
    container = stack.container(service)
    status = dict(
        line.split(":\t", 1) for line in run_inside(container, PRIVILEGES).splitlines() if ":\t" in line
    )
    assert status["Uid"].split()[0] == "10001"
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    for path in ("/written", "/opt/emotion/written", "/home/written", "/var/tmp/written"):
        assert run_inside(container, WRITE, path).strip() != "written"
    assert run_inside(container, WRITE, "/tmp/written").strip() == "written"
    run_inside(container, "import os; os.remove('/tmp/written')")


def test_only_the_gateway_is_published_and_only_here(stack):
    for service in SERVICES:
        ports = stack.container(service).attrs["NetworkSettings"]["Ports"]
        published = {name: where for name, where in ports.items() if where}
        expected = {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(stack.port)}]}
        assert published == (expected if service == "gateway" else {})


@pytest.mark.parametrize("service", ["face", "speech", "fusion"])
def test_a_setting_that_is_not_made_does_not_arrive(stack, service):
    assert settings_of(stack.container(service)).keys() == {"EMOTION_HOST", "EMOTION_PORT"}


def test_keys_in_an_env_file_close_the_door(stack, tmp_path):
    key = new_key()
    unset, stack.env_file = stack.env_file, tmp_path / ".env"
    stack.env_file.write_text(f"EMOTION_API_KEYS={hash_key(key)},{hash_key(new_key())}\n")
    try:
        stack.up("--no-deps", "gateway")
        address = f"{stack.url}/v1/limits"
        assert httpx.get(address, timeout=PATIENCE).status_code == 401
        bearer = {"authorization": f"Bearer {key}"}
        assert httpx.get(address, headers=bearer, timeout=PATIENCE).status_code == 200
    finally:
        stack.env_file = unset
        stack.up("--no-deps", "gateway")
    assert httpx.get(address, timeout=PATIENCE).status_code == 200


@pytest.mark.parametrize("service", ["face", "speech", "fusion"])
def test_an_inner_service_has_no_way_out(stack, service):
    # An address of the documentation range: nothing answers there, but without a route the kernel says so.
    assert run_inside(stack.container(service), REACH, "192.0.2.1").strip() == "unreachable"
    assert run_inside(stack.container(service), REACH, "pypi.org").strip() == "unreachable"
    routes = run_inside(stack.container(service), "print(open('/proc/net/route').read())").splitlines()[1:]
    default = "00000000"
    assert not [route for route in routes if default in route.split()[1:2]]


def test_the_decoder_is_shut_in_here_too(stack):
    """A container may not make a network namespace for it; the filter of system calls refuses sockets."""
    gateway = stack.container("gateway")
    run_inside(gateway, "open('/tmp/upload', 'w').write('hello')")
    try:
        found = json.loads(run_inside(gateway, INSIDE_THE_SANDBOX, "/tmp/upload"))
    finally:
        run_inside(gateway, "import os; os.remove('/tmp/upload')")
    assert found["filter"]
    assert found["read_upload"] == "hello"
    assert found["memory"] == "MemoryError"
    assert found["ptrace"] == -1
    allowed = {name for name, result in found.items() if result == "allowed"}
    assert not allowed
    refused = {"open", "write", "listing", "remove", "socket", "fork", "exec", "thread", "kill", "pipe"}
    assert {found[name] for name in refused} <= {"PermissionError", "OSError", "RuntimeError"}


def test_the_answer_is_that_of_emotion_serve(stack, film, tmp_path):
    in_containers = shown(analyse(stack.url, film))
    with serving(tmp_path / "serve") as server:
        as_processes = shown(analyse(server.url, film))
    assert in_containers["status"] == "complete"
    assert in_containers["emotion"]["weights"]["face"] > 0
    assert close(in_containers, as_processes), (in_containers, as_processes)


@pytest.mark.parametrize(
    ("service", "expected"),
    [("face", "face-unavailable"), ("speech", "speech-unavailable"), ("fusion", None)],
)
def test_without_a_service_the_answer_says_so(stack, film, service, expected):
    container = stack.container(service)
    container.stop()
    try:
        answer = analyse(stack.url, film)
        if expected is None:
            assert answer.status_code == 503
            assert answer.json()["type"] == "/problems/service-unavailable"
            assert int(answer.headers["retry-after"]) > 0
        else:
            assert answer.json()["status"] == "partial"
            assert expected in {notice["code"] for notice in answer.json()["notices"]}
    finally:
        container.start()
        wait_until_well(container)
    assert eventually(lambda: analyse(stack.url, film).json().get("status") == "complete", seconds=PATIENCE)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_crashes_comes_back(stack, film, service):
    container = stack.container(service)
    before = starts(container)
    crash(container)
    while starts(container) == before or not is_well(container):
        try:
            answer = analyse(stack.url, film)
        except httpx.TransportError:
            assert service == "gateway"
            continue
        if answer.status_code == 200:
            assert answer.json()["status"] in {"complete", "partial"}
        else:
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) > 0
    assert eventually(lambda: analyse(stack.url, film).json().get("status") == "complete", seconds=PATIENCE)


def test_a_job_outlives_the_gateway(stack, film):
    """Its database and files lie on the one volume."""
    with httpx.Client(base_url=stack.url, timeout=PATIENCE) as client:
        accepted = client.post("/v1/analyses", content=film.read_bytes(), headers={"prefer": "respond-async"})
        assert accepted.status_code == 202, accepted.text
    place = accepted.headers["location"]
    container = stack.container("gateway")
    before = starts(container)
    crash(container)
    assert eventually(lambda: starts(container) > before and is_well(container), seconds=PATIENCE)
    with httpx.Client(base_url=stack.url, timeout=PATIENCE) as client:
        assert eventually(lambda: client.get(place).json().get("state") == "succeeded", seconds=PATIENCE), (
            client.get(place).text
        )
        assert client.delete(place).is_success


def test_pages_come_out_of_the_containers(stack):
    for path in ("/", "/docs", "/redoc", "/openapi.json", "/v1/models", "/v1/limits"):
        assert httpx.get(stack.url + path, timeout=PATIENCE).status_code == 200, path


def test_replicas_share_the_work_and_one_may_go(stack, film):
    stack.up("--scale", "face=2", "--no-recreate")
    try:
        replicas = stack.containers("face")
        assert len(replicas) == 2

        def both_work() -> bool:
            assert analyse(stack.url, film).json()["status"] == "complete"
            return all(calls_of_faces(replica) > 0 for replica in replicas)

        assert eventually(both_work, seconds=PATIENCE)
        replicas[-1].stop()
        for _ in range(3):
            assert analyse(stack.url, film).json()["status"] == "complete"
    finally:
        stack.up("--scale", "face=1", "--no-recreate")


def test_a_stop_lets_running_work_finish_and_leaves_nothing(engine, images, long_film):
    """Within the 30 seconds of `stop_grace_period`: who takes longer is killed, and exits with 137."""
    with running(engine) as stack:
        assert len(stack.containers()) == len(SERVICES)
        answers = []
        asking = threading.Thread(target=lambda: answers.append(analyse(stack.url, long_film)))
        asking.start()
        assert eventually(lambda: answers or _analyses_in_flight(stack.url) > 0, seconds=PATIENCE), (
            "the request never arrived"
        )
        stack.compose("stop")
        asking.join(PATIENCE)
        (answer,) = answers
        if answer.status_code == 200:
            assert answer.json()["status"] == "complete"
        else:
            # A machine so slow that the work outlasts `shutdown_seconds`: said, and still not killed.
            assert answer.status_code == 503, answer.text
            assert answer.json()["detail"] == "The server is stopping."
        states = {one.name: one.attrs["State"] for one in stack.containers(all=True)}
        assert len(states) == len(SERVICES)
        for name, state in states.items():
            assert state["ExitCode"] in {0, 143}, (name, state)
            assert not state["OOMKilled"]
        stack.compose("start")
        for service in SERVICES:
            wait_until_well(stack.container(service))
        stack.compose("down", "--volumes")
        assert stack.containers(all=True) == []
        assert stack.networks() == []
        assert stack.volumes() == []
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{stack.url}/health/live", timeout=5)


def _analyses_in_flight(url: str) -> float:
    for line in httpx.get(f"{url}/metrics", timeout=PATIENCE).text.splitlines():
        if line.startswith('http_server_active_requests{http_request_method="POST"}'):
            return float(line.rpartition(" ")[2])
    return 0
