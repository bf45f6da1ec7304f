"""A service behind bounded connections, and the server's end of each."""

from urllib.parse import urlsplit

import pytest
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from shared.contracts.problems import Problem
from shared.http_protocol import BoundedHttpProtocol
from shared.service import create_service
from shared.settings import ServiceSettings
from tests.servers import serve
from tests.shared.raw_connections import MUCH, wait_until


class Full:
    """Refuses one path, whoever asks."""

    path = "/full"

    def refusal(self, method, path, headers):
        return Problem("overloaded", "Full.", retry_after=2) if path == b"/full" else None


@pytest.fixture(scope="module")
def address():
    """Host and port of a service that refuses, counts, and answers much or without end."""
    router = APIRouter()

    @router.post("/refuse")
    async def refuse() -> None:
        raise Problem("overloaded", "Full.", retry_after=2)

    @router.post("/count")
    async def count(request: Request) -> int:
        return len(await request.body())

    @router.post("/much")
    async def much() -> Response:
        return Response(bytes(MUCH))

    @router.post("/endless")
    async def endless() -> StreamingResponse:
        async def pieces():
            while True:
                yield bytes(65_536)

        return StreamingResponse(pieces())

    app = create_service(
        name="trial", title="Trial", description="", settings=ServiceSettings(), routers=[router]
    )
    app.state.front_door.guard = Full()
    with serve(app) as url:
        yield urlsplit(url).hostname, urlsplit(url).port


@pytest.fixture
def server_side(monkeypatch):
    """Finds the server's end of a connection."""
    made = {}
    make = BoundedHttpProtocol.connection_made

    def note(protocol, transport):
        make(protocol, transport)
        made[protocol.client] = protocol

    monkeypatch.setattr(BoundedHttpProtocol, "connection_made", note)

    def find(connection):
        wait_until(lambda: connection.getsockname() in made)
        return made[connection.getsockname()]

    return find
