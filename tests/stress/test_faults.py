"""Services and decoders that are killed, stopped or slow in the middle of an analysis, as real processes.

Whatever happens, the answer is an analysis that says what is missing, or a refusal that says when to come
back; it comes by the deadline; nothing is left behind; and the next analysis is complete.
"""

import contextlib
import os
import re
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests import media_files
from tests.cli.processes import (
    children_of,
    command_of,
    decoders_of,
    eventually,
    free_port,
    is_alive,
    nurseries_of,
)
from tests.cli.stack import RunningServer, clean_environment, serving
from tests.stress.footprint import footprint_of
from tests.stress.raw_http import connected, head
from tests.stress.slow_proxy import slowed

pytestmark = pytest.mark.stack

DEADLINE = {"X-Deadline-Ms": "90000"}
SETTINGS = {"EMOTION_INNER_SECONDS": "5", "EMOTION_STRETCH_SECONDS": "2", "EMOTION_MAX_WAITING": "10"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("uploads-in-trouble")


@pytest.fixture(scope="module")
def server(folder, tmp_path_factory):
    environment = {**SETTINGS, "EMOTION_TEMPORARY_FOLDER": str(folder)}
    with serving(tmp_path_factory.mktemp("server-in-trouble"), environment=environment) as server:
        yield server


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Long enough to be caught in the middle: dozens of calls to face_service, six to speech_service."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return media_files.talking_film(path, seconds=12).read_bytes()


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    return media_files.talking_film(tmp_path_factory.mktemp("film") / "short.mp4", seconds=2).read_bytes()


def pid_of(server: RunningServer, service: str) -> int:
    return next(pid for pid in children_of(server.process.pid) if command_of(pid)[-1:] == [service])


def nursery_of(server: RunningServer) -> int:
    return nurseries_of(server.process.pid)[0]


def port_of(pid: int) -> int:
    settings = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next(int(setting[13:]) for setting in settings if setting.startswith(b"EMOTION_PORT="))


def calls_to(url: str, service: str) -> float:
    """How many calls to a service were answered since the gateway began."""
    pattern = rf'http_client_request_duration_seconds_count\{{.*server_address="{service}".*\}} (\S+)'
    return sum(map(float, re.findall(pattern, httpx.get(f"{url}/metrics", timeout=60).text)))


def post(url: str, content: bytes, **options: object) -> httpx.Response:
    return httpx.post(f"{url}/v1/analyses", content=content, params=options, headers=DEADLINE, timeout=120)


@contextlib.contextmanager
def under_way(url: str, film: bytes):
    """An analysis that has begun to be read; gives its answer to come."""
    faces, speech = calls_to(url, "face"), calls_to(url, "speech")
    with ThreadPoolExecutor(1) as thread:
        answer: Future[httpx.Response] = thread.submit(post, url, film, fps=30)
        assert eventually(lambda: calls_to(url, "face") > faces + 1 and calls_to(url, "speech") > speech)
        assert not answer.done()
        yield answer


def whole_again(server: RunningServer, short: bytes, folder: Path) -> None:
    """All services are ready, an analysis is complete, and nothing of the trouble is left."""

    def ready() -> bool:
        try:
            answer = httpx.get(f"{server.url}/health/ready", timeout=60)
        except httpx.TransportError:
            return False
        return answer.is_success and set(answer.json()["components"].values()) == {"ready"}

    def complete() -> bool:
        answer = post(server.url, short)
        return answer.status_code == 200 and answer.json()["status"] == "complete"

    assert eventually(ready, seconds=90)
    # A breaker may stay open for a moment after the service is back.
    assert eventually(complete, seconds=60)
    assert eventually(lambda: not footprint_of(server.process.pid, folder).files, seconds=60)
    assert len(nurseries_of(server.process.pid)) == 1
    assert eventually(lambda: not decoders_of(nursery_of(server)), seconds=60), "a decoder is left"


def partial_without(answer: httpx.Response, service: str) -> None:
    assert answer.status_code == 200, answer.text
    analysis = answer.json()
    assert analysis["status"] == "partial"
    codes = {notice["code"]: notice["message"] for notice in analysis["notices"]}
    said = codes.get(f"{service}-incomplete") or codes.get(f"{service}-unavailable")
    assert said is not None, codes
    assert f"{service}_service" in said


def unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json()["type"] in {"/problems/service-unavailable", "/problems/overloaded"}
    assert int(answer.headers["retry-after"]) > 0


def complete_or_unavailable(answer: httpx.Response) -> None:
    """For a service that is needed at the end only: the supervisor may have brought it back by then."""
    if answer.status_code == 200:
        assert answer.json()["status"] == "complete"
    else:
        unavailable(answer)


FACE_AND_SPEECH = ["face", pytest.param("speech", marks=pytest.mark.long)]


@pytest.mark.parametrize("service", FACE_AND_SPEECH)
def test_a_service_that_is_killed(server, film, short, folder, service):
    """It is back within seconds, and a gateway that has the time to wait for it misses nothing."""
    with (
        gateway_before(server, folder, {"EMOTION_INNER_SECONDS": "80"}) as url,
        under_way(url, film) as coming,
    ):
        os.kill(pid_of(server, f"{service}_service"), signal.SIGKILL)
        answer = coming.result()
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "complete", answer.json()["notices"]
    whole_again(server, short, folder)


def test_fusion_that_is_killed(server, film, short, folder):
    with under_way(server.url, film) as coming:
        os.kill(pid_of(server, "fusion_service"), signal.SIGKILL)
        answer = coming.result()
    complete_or_unavailable(answer)
    whole_again(server, short, folder)


@contextlib.contextmanager
def stopped(pid: int):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("service", FACE_AND_SPEECH)
def test_a_service_that_is_stopped(server, film, short, folder, service):
    with under_way(server.url, film) as coming, stopped(pid_of(server, f"{service}_service")):
        answer = coming.result()
    partial_without(answer, service)
    whole_again(server, short, folder)


@pytest.mark.long
def test_fusion_that_is_stopped(server, film, short, folder):
    with under_way(server.url, film) as coming, stopped(pid_of(server, "fusion_service")):
        answer = coming.result()
    complete_or_unavailable(answer)
    whole_again(server, short, folder)


@contextlib.contextmanager
def gateway_before(
    server: RunningServer, folder: Path, settings: Mapping[str, str] | None = None, **urls: str
):
    """One more gateway, a bare process, before the same services; some of them by another address."""
    port = free_port()
    inner = {
        f"EMOTION_{service.upper()}_URL": urls.get(
            service, f"http://127.0.0.1:{port_of(pid_of(server, f'{service}_service'))}"
        )
        for service in ("face", "speech", "fusion")
    }
    own = {"EMOTION_PORT": str(port), "EMOTION_TEMPORARY_FOLDER": str(folder)}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "gateway"],
        env=clean_environment({**SETTINGS, **inner, **own, **(settings or {})}),
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"

    def lives() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/health/live", timeout=60).is_success
        return False

    try:
        assert eventually(lives, seconds=90)
        yield url
    finally:
        family = children_of(process.pid)
        process.terminate()
        process.wait(60)
        assert eventually(lambda: not any(map(is_alive, family)))


@pytest.mark.parametrize("service", [*FACE_AND_SPEECH, pytest.param("fusion", marks=pytest.mark.long)])
def test_a_service_that_is_slow(server, short, folder, tmp_path, service):
    with (
        slowed(port_of(pid_of(server, f"{service}_service")), delay=0.02) as proxy,
        gateway_before(server, tmp_path, **{service: proxy.url}) as url,
    ):
        answer = post(url, short)
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "complete"
        proxy.delay = 30.0
        answer = post(url, short)
        if service == "fusion":
            unavailable(answer)
        else:
            partial_without(answer, service)
        proxy.delay = 0.0

        def complete() -> bool:
            answer = post(url, short)
            return answer.status_code == 200 and answer.json()["status"] == "complete"

        assert eventually(complete, seconds=60)
        assert not list(tmp_path.iterdir())


def test_a_decoder_that_is_killed(server, film, short, folder):
    with under_way(server.url, film) as coming:
        (decoder,) = decoders_of(nursery_of(server))
        os.kill(decoder, signal.SIGKILL)
        unavailable(coming.result())
    whole_again(server, short, folder)


def test_a_decoder_that_is_stopped(server, film, short, folder):
    with under_way(server.url, film) as coming:
        (decoder,) = decoders_of(nursery_of(server))
        with stopped(decoder):
            unavailable(coming.result())
    assert not is_alive(decoder)
    whole_again(server, short, folder)


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.long)])
def test_the_parent_of_the_decoders_is_lost(server, film, short, folder, number):
    nursery = nursery_of(server)
    with under_way(server.url, film) as coming:
        os.kill(nursery, number)
        if number == signal.SIGKILL:
            unavailable(coming.result())
        else:
            # A child goes on without its parent; only its end is not told.
            assert post(server.url, short).status_code in {200, 503}
            answer = coming.result()
            assert answer.status_code == 200 or unavailable(answer) is None
    whole_again(server, short, folder)
    assert not is_alive(nursery)


def test_a_gateway_that_is_killed(server, film, short, folder):
    with under_way(server.url, film) as coming, connected(server.url) as upload:
        upload.sendall(head(content_length=len(film)) + film[:100_000])
        gateway = pid_of(server, "gateway")
        family = [gateway, *children_of(gateway)]
        os.kill(gateway, signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            coming.result()
    assert eventually(lambda: not any(map(is_alive, family)))
    assert not list(folder.iterdir())
    whole_again(server, short, folder)


def test_a_disk_that_is_full(server, film, short, folder):
    gateway = pid_of(server, "gateway")
    before = resource.prlimit(gateway, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway, resource.RLIMIT_FSIZE, (len(film) // 2, before[1]))
    try:
        unavailable(post(server.url, film))
        form = httpx.post(f"{server.url}/v1/analyses", files={"file": film}, headers=DEADLINE, timeout=120)
        unavailable(form)
    finally:
        resource.prlimit(gateway, resource.RLIMIT_FSIZE, before)
    whole_again(server, short, folder)


@pytest.mark.long
def test_many_films_and_a_service_that_comes_and_goes(server, film, short, folder):
    """Answers stay answers while face_service is stopped and goes on, again and again."""
    over = threading.Event()

    def disturb() -> None:
        while not over.wait(0.3):
            with stopped(pid_of(server, "face_service")):
                over.wait(0.3)

    disturbing = threading.Thread(target=disturb)
    disturbing.start()
    try:
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda _: post(server.url, short), range(16)))
    finally:
        over.set()
        disturbing.join()
    for answer in answers:
        if answer.status_code != 200:
            unavailable(answer)
        elif answer.json()["status"] == "partial":
            partial_without(answer, "face")
    whole_again(server, short, folder)
