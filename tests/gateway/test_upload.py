"""Receiving uploads: what comes in is what lies in the file, within the limits."""

import asyncio
import contextlib
import os
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, Request

from gateway.upload import UploadRules, receive_upload
from shared.service import create_service
from shared.settings import ServiceSettings


@contextlib.asynccontextmanager
async def upload_client(folder, **rules):
    settings = {"max_bytes": 300_000, "idle_seconds": 5.0, "min_bytes_per_second": 0, "keep_free": 0, **rules}
    upload_rules = UploadRules(folder=folder, **settings)
    router = APIRouter()

    @router.post("/upload")
    async def upload(request: Request) -> int:
        with await receive_upload(request, upload_rules) as file:
            content = file.read()
        assert content.count(b"x") == len(content)
        return len(content)

    app = create_service(
        name="trial", title="Trial", description="", settings=ServiceSettings(), routers=[router]
    )
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://trial") as client,
    ):
        await asyncio.sleep(0.01)
        yield client


@pytest.fixture
async def client(tmp_path):
    async with upload_client(tmp_path) as client:
        yield client
    assert not list(tmp_path.iterdir())


def problem(answer, status, name):
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] == f"/problems/{name}"
    return answer.json()


@pytest.mark.parametrize("length", [1, 65_536, 300_000])
async def test_a_form_and_a_raw_body_give_the_same(client, length):
    content = b"x" * length
    assert (await client.post("/upload", content=content)).json() == length
    assert (await client.post("/upload", files={"file": ("a.mp4", content)})).json() == length


async def test_a_body_in_small_chunks(client):
    async def chunks():
        for _ in range(1000):
            yield b"xxx"

    assert (await client.post("/upload", content=chunks())).json() == 3000


@pytest.mark.parametrize("way", ["raw", "form", "chunked", "chunked form"])
async def test_too_long_is_refused_whatever_the_way(client, way):
    content = b"x" * 300_001
    if way == "raw":
        answer = await client.post("/upload", content=content)
    elif way == "form":
        answer = await client.post("/upload", files={"file": content + b"x" * 65_536})
    else:
        form = "form" in way
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' if form else b""

        async def chunks():
            yield head
            for _ in range(301):
                yield b"x" * 1000

        headers = {"content-type": "multipart/form-data; boundary=b"} if form else {}
        answer = await client.post("/upload", content=chunks(), headers=headers)
    assert problem(answer, 413, "upload-too-large")["limit"] == 300_000


async def test_nothing_is_refused(client):
    assert problem(await client.post("/upload"), 422, "empty-upload")["field"] == "file"
    problem(await client.post("/upload", files={"file": b""}), 422, "empty-upload")


async def test_forms_with_other_parts_are_refused_by_name(client):
    body = problem(await client.post("/upload", files={"film": b"x"}), 422, "unknown-parameter")
    assert body["field"] == "film"
    body = problem(
        await client.post("/upload", files={"file": b"x"}, data={"fps": "5"}), 422, "unknown-parameter"
    )
    assert body["field"] == "fps"
    two = [("file", ("a", b"x")), ("file", ("b", b"x"))]
    assert problem(await client.post("/upload", files=two), 422, "bad-parameter")["field"] == "file"
    many = [(f"f{i}", b"x") for i in range(100)]
    problem(await client.post("/upload", files=many), 422, "unknown-parameter")


@pytest.mark.parametrize(
    "body",
    [
        b"rubbish",
        b"--b\r\n",
        b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nxxx',
        b"--b\r\n" + b"a" * 20_000,
        b"--b\r\nContent-Disposition: form-data\r\n\r\nxxx\r\n--b--\r\n",
        b"--b--\r\n",
    ],
)
async def test_malformed_forms_are_refused(client, body):
    answer = await client.post(
        "/upload", content=body, headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code in {400, 422}, answer.text
    assert answer.json()["remedy"]


async def test_a_form_without_boundary_is_refused(client):
    answer = await client.post("/upload", content=b"x", headers={"content-type": "multipart/form-data"})
    assert problem(answer, 400, "bad-request")["field"] == "Content-Type"


async def test_an_upload_that_stops_is_refused(tmp_path):
    async def stalling():
        yield b"x"
        await asyncio.sleep(2)
        yield b"x"

    async with upload_client(tmp_path, idle_seconds=0.1) as client:
        problem(await client.post("/upload", content=stalling()), 408, "upload-too-slow")


async def test_an_upload_that_trickles_is_refused(tmp_path):
    async def trickling():
        for _ in range(100):
            yield b"x"
            await asyncio.sleep(0.02)

    async with upload_client(tmp_path, idle_seconds=0.2, min_bytes_per_second=1000) as client:
        problem(await client.post("/upload", content=trickling()), 408, "upload-too-slow")


async def test_no_descriptor_is_left_behind(client):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        await client.post("/upload", content=b"x" * 300_001)
        await client.post("/upload", files={"film": b"x"})
        await client.post("/upload", content=b"x" * 10)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


async def in_pieces(*pieces):
    for piece in pieces:
        yield piece


async def test_what_must_stay_free_is_not_taken(tmp_path):
    async with upload_client(tmp_path, keep_free=2**62) as client:
        for answer in (
            await client.post("/upload", content=b"x"),
            await client.post("/upload", files={"file": ("a.mp4", b"x")}),
            await client.post("/upload", content=in_pieces(b"x")),
        ):
            refused = problem(answer, 503, "service-unavailable")
            assert "EMOTION_TEMPORARY_FOLDER" in refused["remedy"]
            assert int(answer.headers["retry-after"]) > 0
    assert not list(tmp_path.iterdir())


async def test_room_is_kept_for_what_is_still_to_come(tmp_path, monkeypatch):
    """Who is promised room gets it; who would take it is refused at once, not when both are half there."""
    disk = os.statvfs_result([1, 1, 400_000, 400_000, 400_000, *os.statvfs(tmp_path)[5:]])
    monkeypatch.setattr(os, "fstatvfs", lambda _: disk)
    came, may_go_on = asyncio.Event(), asyncio.Event()

    async def waiting(rest):
        came.set()
        yield b"x" * 100
        await may_go_on.wait()
        yield b"x" * rest

    async with upload_client(tmp_path, keep_free=50_000) as client:
        declared = {"content-length": "300000"}
        first = asyncio.create_task(client.post("/upload", content=waiting(299_900), headers=declared))
        await came.wait()
        problem(await client.post("/upload", content=b"x" * 60_000), 503, "service-unavailable")
        assert (await client.post("/upload", content=b"x" * 40_000)).json() == 40_000
        may_go_on.set()
        assert (await first).json() == 300_000
        # A promise ends with its upload, also where that was refused.
        problem(await client.post("/upload", files={"film": b"x" * 290_000}), 422, "unknown-parameter")
        assert (await client.post("/upload", content=b"x" * 300_000)).json() == 300_000


async def test_who_does_not_say_how_long_it_is_takes_no_promised_room(tmp_path, monkeypatch):
    stat = os.statvfs(tmp_path)
    blocks = [400_000]
    monkeypatch.setattr(
        os, "fstatvfs", lambda _: os.statvfs_result([1, 1, blocks[0], blocks[0], blocks[0], *stat[5:]])
    )
    came, may_go_on = asyncio.Event(), asyncio.Event()

    async def waiting():
        came.set()
        await may_go_on.wait()
        yield b"x" * 300_000

    async with upload_client(tmp_path, keep_free=50_000) as client:
        declared = {"content-length": "300000"}
        first = asyncio.create_task(client.post("/upload", content=waiting(), headers=declared))
        await came.wait()
        # What comes is written, and so the disk has less.
        blocks[0] = 340_000
        problem(await client.post("/upload", content=in_pieces(b"x" * 60_000)), 503, "service-unavailable")
        may_go_on.set()
        assert (await first).json() == 300_000
