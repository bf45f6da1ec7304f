"""`WS /v1/live`: docs/live.md has the protocol, for OpenAPI does not describe WebSockets."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from gateway.live.door import LiveDoor
from shared.contracts.problems import Problem

PATH = "/v1/live"


async def serve_live(socket: WebSocket) -> None:
    """Serve one connection."""
    await LiveDoor(socket).serve()


async def refuse_without_upgrade(request: Request) -> Response:
    """Refuse what is no WebSocket handshake: `upgrade-required`."""
    del request
    raise Problem("upgrade-required", "A live stream is a WebSocket, and this is a plain request.")


def add_live(app: FastAPI) -> None:
    """Serve live streams; as a plain route, for the dependencies of the others read requests."""
    app.router.add_websocket_route(PATH, serve_live)
    app.router.add_route(PATH, refuse_without_upgrade, include_in_schema=False)
