"""Services that are down or late: the analysis carries on with what is there, and says so."""

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image

from gateway.app import create_app
from gateway.settings import GatewaySettings
from tests import media_files
from tests.cli.processes import eventually
from tests.servers import House, serve
from tests.stress.slow_proxy import slowed

NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return media_files.talking_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=4).read_bytes()


@contextlib.contextmanager
def gateway_with(house: House, **urls):
    settings = {
        "face_url": house.face,
        "speech_url": house.speech,
        "fusion_url": house.fusion,
        "inner_seconds": 3.0,
        **urls,
    }
    with serve_gateway(GatewaySettings(**settings)) as client:
        yield client


@contextlib.contextmanager
def serve_gateway(settings):
    with (
        serve(create_app(settings), ready="/health/live") as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        yield client


@contextlib.contextmanager
def silent_service():
    """Something that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = []
        thread = threading.Thread(target=_accept, args=(listener, taken), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        for connection in taken:
            connection.close()


def _accept(listener, taken):
    with contextlib.suppress(OSError):
        while True:
            taken.append(listener.accept()[0])


@pytest.mark.parametrize(("down", "other"), [("face", "speech"), ("speech", "face")])
def test_one_service_down_is_partial(house, film, down, other):
    with gateway_with(house, **{f"{down}_url": NOBODY}) as client:
        answer = client.post("/v1/analyses", content=film)
    assert answer.status_code == 200, answer.text
    analysis = answer.json()
    assert analysis["status"] == "partial"
    assert analysis[down] is None
    assert analysis["models"][down] is None
    assert analysis["models"][other] is not None
    assert f"{down}-unavailable" in {notice["code"] for notice in analysis["notices"]}


def test_a_silent_service_does_not_make_the_gateway_unhealthy(house):
    with silent_service() as silent, gateway_with(house, speech_url=silent) as client:
        asked = subprocess.run(
            [sys.executable, "-m", "shared.health_check"],
            env={**os.environ, "EMOTION_PORT": str(client.base_url.port)},
            timeout=60,
            check=False,
        )
        assert asked.returncode == 0
        began = time.monotonic()
        assert client.get("/health/ready").json()["components"]["speech"] == "degraded"
        # `shared.health_check` waits two seconds.
        assert time.monotonic() - began < 1.9


def test_a_late_service_is_partial_and_does_not_outlast_the_limit(house, film):
    # Time enough for the other service on a slow machine.
    with silent_service() as silent, gateway_with(house, face_url=silent, inner_seconds=8.0) as client:
        began = time.monotonic()
        answer = client.post("/v1/analyses", content=film)
        assert time.monotonic() - began < 50
    assert answer.json()["status"] == "partial"
    (notice,) = [n for n in answer.json()["notices"] if n["code"] == "face-unavailable"]
    assert "in time" in notice["message"]


def answered_calls_to_face(client):
    pattern = r'http_client_request_duration_seconds_count\{.*code="200".*address="face".*\} (\S+)'
    return sum(map(float, re.findall(pattern, client.get("/metrics").text)))


@contextlib.contextmanager
def falling_away(house, tmp_path, how):
    """A film of which a little is read when face_service falls away; gives its answer to come."""
    film = media_files.talking_film(tmp_path / "film.mp4", seconds=20, width=160, height=120).read_bytes()
    with (
        slowed(urlsplit(house.face).port, delay=0.1) as proxy,
        gateway_with(house, face_url=proxy.url, frames_per_call=2) as client,
        ThreadPoolExecutor(1) as thread,
    ):
        coming = thread.submit(
            client.post, "/v1/analyses", content=film, params={"modalities": "face", "fps": 5}
        )
        assert eventually(lambda: answered_calls_to_face(client) > 5)
        how(proxy)
        yield proxy, coming


def be_away(proxy):
    proxy.is_away = True


def be_silent(proxy):
    proxy.delay = 60.0


def test_a_service_that_is_back_soon_is_asked_again(house, tmp_path):
    with falling_away(house, tmp_path, be_away) as (proxy, coming):
        time.sleep(2)
        proxy.is_away = False
        analysis = coming.result().json()
    assert analysis["status"] == "partial"
    assert [notice["code"] for notice in analysis["notices"]] == ["face-incomplete"]
    times = [frame["t"] for frame in analysis["frames"]]
    assert times[-1] > 19
    # Lost is what was under way when it fell away, and what tried whether it was back.
    assert len(times) > 70
    assert analysis["face"] is not None


@pytest.mark.parametrize("how", [be_away, be_silent])
def test_a_service_that_stays_away_holds_an_analysis_up_only_for_seconds(house, tmp_path, how):
    with falling_away(house, tmp_path, how) as (_, coming):
        began = time.monotonic()
        analysis = coming.result().json()
        assert time.monotonic() - began < 25
    assert analysis["status"] == "partial"
    assert [notice["code"] for notice in analysis["notices"]] == ["face-incomplete"]
    assert 5 < len(analysis["frames"]) < 90


def unavailable(answer):
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["type"] == "/problems/service-unavailable"


def test_both_services_down(house, film):
    with gateway_with(house, face_url=NOBODY, speech_url=NOBODY) as client:
        unavailable(client.post("/v1/analyses", content=film))


def test_fusion_down(house, film):
    with gateway_with(house, fusion_url=NOBODY) as client:
        unavailable(client.post("/v1/analyses", content=film))
        assert client.get("/health/ready").status_code == 503


def test_the_only_service_that_is_needed_is_down(house, film):
    with gateway_with(house, face_url=NOBODY) as client:
        unavailable(client.post("/v1/analyses", content=film, params={"modalities": "face"}))
        assert client.get("/health/ready").json()["components"]["face"] == "degraded"


def test_the_deadline_of_the_client_is_honoured(house, film):
    with silent_service() as silent, gateway_with(house, face_url=silent) as client:
        began = time.monotonic()
        answer = client.post("/v1/analyses", content=film, headers={"X-Deadline-Ms": "1000"})
        assert time.monotonic() - began < 2.5
    assert answer.status_code in {503, 504}
    assert answer.json()["remedy"]


async def test_more_than_it_takes_is_refused_with_retry_after(house, film):
    settings = GatewaySettings(
        face_url=house.face, speech_url=house.speech, fusion_url=house.fusion, max_analyses=1, max_waiting=1
    )
    with serve(create_app(settings)) as url:
        async with httpx.AsyncClient(base_url=url, timeout=120) as client:
            answers = await asyncio.gather(*(client.post("/v1/analyses", content=film) for _ in range(8)))
            statuses = sorted(answer.status_code for answer in answers)
            assert statuses[:2] == [200, 200]
            assert set(statuses[2:]) <= {200, 503}
            assert 503 in statuses
            refused = next(answer for answer in answers if answer.status_code == 503)
            assert refused.json()["type"] == "/problems/overloaded"
            assert int(refused.headers["retry-after"]) > 0
            assert (await client.post("/v1/analyses", content=film)).status_code == 200


async def test_first_requests_at_once(house, film):
    """Nothing is built inside a request: ten first requests together all succeed and agree."""
    settings = GatewaySettings(
        face_url=house.face, speech_url=house.speech, fusion_url=house.fusion, max_analyses=4, max_waiting=10
    )
    with serve(create_app(settings)) as url:
        async with httpx.AsyncClient(base_url=url, timeout=120) as client:
            answers = await asyncio.gather(*(client.post("/v1/analyses", content=film) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({str(answer.json()["emotion"]) for answer in answers}) == 1


def test_faces_beyond_the_limit_are_told(house, tmp_path):
    crowd = np.hstack([media_files.astronaut(), media_files.astronaut(), media_files.astronaut()])
    picture = tmp_path / "crowd.png"
    Image.fromarray(crowd).save(picture)
    with gateway_with(house, max_faces=2) as client:
        analysis = client.post("/v1/analyses", content=picture.read_bytes()).json()
        assert client.get("/v1/limits").json()["max_faces"] == 2
    assert len(analysis["people"]) == 2
    (notice,) = analysis["notices"]
    assert notice["code"] == "faces-left-out"
    assert "up to 1 more" in notice["message"]


def test_a_film_of_too_many_faces_is_refused(house, film):
    with gateway_with(house, max_faces_in_all=5) as client:
        answer = client.post("/v1/analyses", content=film)
        assert client.get("/v1/limits").json()["max_faces_in_all"] == 5
    assert answer.status_code == 422
    problem = answer.json()
    assert (problem["type"], problem["field"]) == ("/problems/media-over-limit", "fps")
    assert "`fps`" in problem["remedy"]
