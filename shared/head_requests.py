"""HEAD, answered wherever GET is (RFC 9110, section 9.3.2)."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """ASGI layer: routes see GET, and the answer is over as soon as its head is known.

    The server, which knows that it was asked by HEAD, leaves the content out. What the route would go on to
    send is stopped as it is when a client leaves: the server says so once an answer is complete.

    Args:
        app: what it wraps.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, _Head(send))
        finally:
            # The layers around this one want to know the route.
            scope.update(as_get, method="HEAD")


class _Head:
    """The send side: completes the answer early.

    Args:
        send: where messages go.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._complete = False

    async def __call__(self, message: Message) -> None:
        if self._complete:
            # Whoever watches the connection may now see that there is nobody to send to.
            await asyncio.sleep(0)
            return
        if message["type"] == "http.response.start":
            await self._send(message)
            # Content of a known length is at hand; the first event of a stream may be long in coming.
            if "content-length" in Headers(raw=message["headers"]):
                return
            message = {"type": "http.response.body"}
        self._complete = True
        await self._send({**message, "more_body": False})
