"""The client against the running server."""

import asyncio
import io
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from emotion_client import (
    AsyncClient,
    Client,
    JobCancelledError,
    Patience,
    ProblemError,
    ServerUnreachableError,
)
from gateway.app import create_app
from gateway.exports.formats import FORMATS
from gateway.jobs.settings import JobSettings
from gateway.settings import GatewaySettings
from shared.contracts.analyses import Analysis, Done
from shared.contracts.jobs import JobState
from tests import media_files
from tests.servers import House, serve


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media_files.talking_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=2)


@pytest.fixture
def client(house: House):
    with Client(house.gateway) as client:
        yield client


def same(one: Analysis, other: Analysis) -> bool:
    exclude = {"id", "timings_ms"}
    return one.model_dump(exclude=exclude) == other.model_dump(exclude=exclude)


def test_a_path_bytes_and_an_open_file_are_analysed_alike(client: Client, film: Path) -> None:
    analysis = client.analyze(film, fps=2)
    assert analysis.emotion is not None
    assert len(analysis.frames) == 4
    assert same(client.analyze(str(film), fps=2), analysis)
    assert same(client.analyze(film.read_bytes(), fps=2), analysis)
    file = io.BytesIO(b"before" + film.read_bytes())
    file.seek(6)
    assert same(client.analyze(file, fps=2), analysis)
    assert not file.closed


def test_options_reach_the_server(client: Client, film: Path) -> None:
    analysis = client.analyze(film, modalities=["speech"], detail="summary", profile="paper")
    assert (analysis.face, analysis.moments, analysis.profile) == (None, None, "paper")


def test_a_refusal_says_why(client: Client) -> None:
    with pytest.raises(ProblemError, match="Send a JPEG") as error:
        client.analyze(b"not a film")
    assert error.value.name == "unsupported-media"
    assert error.value.document.status == 415
    with pytest.raises(ProblemError) as error:
        client.analyze(b"x", fps=99)
    assert error.value.document.field == "fps"


def test_a_job_is_followed_exported_and_erased(client: Client, film: Path) -> None:
    job = client.submit(film)
    assert not job.state.final or job.state is JobState.SUCCEEDED
    events = list(client.events(job.id))
    assert [event.event for event in events][:2] == ["started", "probed"]
    assert isinstance(events[-1], Done)
    assert client.wait(job.id) == events[-1].analysis
    finished = client.job(job.id)
    assert finished.state is JobState.SUCCEEDED
    assert finished.analysis == events[-1].analysis
    for export in FORMATS:
        assert client.export(job.id, export.name) == b"".join(export.pieces(finished.analysis))
    client.cancel(job.id)
    with pytest.raises(ProblemError) as error:
        client.job(job.id)
    assert error.value.name == "not-found"


def test_one_key_is_one_job(client: Client, film: Path) -> None:
    first = client.submit(film, idempotency_key="once")
    assert client.submit(film, idempotency_key="once").id == first.id
    client.cancel(first.id)


def test_a_job_that_fails_says_why(client: Client) -> None:
    with pytest.raises(ProblemError) as error:
        client.wait(client.submit(b"not a film").id)
    assert error.value.name == "unsupported-media"


def test_an_unknown_export_is_refused_with_a_list(client: Client, film: Path) -> None:
    job = client.submit(film)
    client.wait(job.id)
    with pytest.raises(ProblemError, match=r"\.vtt") as error:
        client.export(job.id, "xlsx")
    assert error.value.document.status == 404
    client.cancel(job.id)


def test_models(client: Client) -> None:
    assert {model.service for model in client.models().models} >= {"face_service", "speech_service"}


async def test_a_cancelled_job_ends_the_waiting(house: House, tmp_path: Path) -> None:
    film = media_files.talking_film(tmp_path / "long.mp4", seconds=20)
    async with AsyncClient(house.gateway) as client:
        job = await client.submit(film, fps=30)
        waiting = asyncio.create_task(client.wait(job.id))
        await client.cancel(job.id)
        with pytest.raises((JobCancelledError, ProblemError)) as error:
            await waiting
        # Erased before the stream was opened, or after.
        assert isinstance(error.value, JobCancelledError) or error.value.name == "not-found"


async def test_a_job_may_wait_longer_than_a_request_may_take(
    house: House, film: Path, tmp_path: Path, log_lines: list[dict[str, Any]]
) -> None:
    settings = GatewaySettings(
        face_url=house.face,
        speech_url=house.speech,
        fusion_url=house.fusion,
        request_seconds=4,
        jobs=JobSettings(worker="none", data_folder=tmp_path / "jobs"),
    )

    def streams_ended() -> int:
        return sum(line.get("route") == "/v1/analyses/{analysis_id}/events" for line in log_lines)

    with serve(create_app(settings)) as url:
        async with AsyncClient(url, patience=Patience(attempts=1)) as client:
            job = await client.submit(film)
            waiting = asyncio.create_task(client.wait(job.id))
            while streams_ended() < 2:
                await asyncio.wait({waiting}, timeout=0.1)
                assert not waiting.done()
            await client.cancel(job.id)
            # Erased while a stream was open, or between two.
            with pytest.raises((JobCancelledError, ProblemError)):
                await waiting


def test_a_newer_server_may_say_more(client: Client) -> None:
    known = client.models()
    newer = known.model_dump(mode="json")
    newer["news"] = newer["models"][0]["news"] = newer["models"][0]["labels_of_tomorrow"] = ["awe"]
    body = json.dumps(newer).encode()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer_once() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n"
                connection.sendall(head.encode() + body)

        answering = threading.Thread(target=answer_once)
        answering.start()
        with Client(f"http://127.0.0.1:{listening.getsockname()[1]}") as other:
            assert other.models() == known
        answering.join(60)


def test_no_server() -> None:
    patience = Patience(attempts=2, first_pause=0)
    with (
        Client("http://127.0.0.1:9", patience=patience) as client,
        pytest.raises(ServerUnreachableError, match=r"Nothing answers at http://127\.0\.0\.1:9\."),
    ):
        client.models()


def test_a_missing_file_is_an_os_error(client: Client, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        client.analyze(tmp_path / "missing.mp4")


def test_events_can_be_left_early(client: Client, film: Path) -> None:
    job = client.submit(film)
    for event in client.events(job.id):
        assert event.event == "started"
        break
    client.wait(job.id)
    client.cancel(job.id)
