"""`WS /v1/live`: docs/live.md has the protocol, for OpenAPI does not describe WebSockets."""

from fastapi import FastAPI
from starlette.websockets import WebSocket

from gateway.live.door import LiveDoor

PATH = "/v1/live"


async def serve_live(socket: WebSocket) -> None:
    """Serve one connection."""
    await LiveDoor(socket).serve()


def add_live(app: FastAPI) -> None:
    """Serve live streams; as a plain route, for the dependencies of the others read requests."""
    app.router.add_websocket_route(PATH, serve_live)
