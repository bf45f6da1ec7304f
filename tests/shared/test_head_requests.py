"""HEAD of what is streamed: the head comes at once, and nothing goes on behind it."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from sse_starlette import EventSourceResponse

from tests.jobs.gateway_process import eventually
from tests.servers import serve
from tests.shared.trial_service import trial_app

router = APIRouter(prefix="/v1")
PIECES = 100_000
ENDED = 'http_server_active_requests{http_request_method="HEAD"} 0.0'


@router.get("/events")
async def events(request: Request) -> EventSourceResponse:
    async def never() -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield "never"

    return EventSourceResponse(never(), ping=100_000)


@router.get("/long")
async def long(request: Request) -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(PIECES):
            request.app.state.pieces += 1
            yield b"x"

    return StreamingResponse(pieces(), headers={"content-length": str(PIECES)})


@pytest.fixture
def app():
    app = trial_app(router)
    app.state.pieces = 0
    return app


def test_events_that_have_not_come_are_not_waited_for(app):
    with serve(app) as url, httpx.Client(base_url=url, timeout=60) as client:
        answer = client.head("/v1/events")
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"].startswith("text/event-stream")
        eventually(lambda: ENDED in client.get("/metrics").text, "nobody waits for events")


def test_a_long_answer_is_not_made_to_its_end(app):
    with serve(app) as url, httpx.Client(base_url=url, timeout=60) as client:
        answer = client.head("/v1/long")
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == str(PIECES)
        eventually(lambda: ENDED in client.get("/metrics").text, "nothing is made any more")
        assert app.state.pieces < PIECES / 2
        assert client.get("/v1/long").content == b"x" * PIECES
