"""Refusing uploads while the house is full, before anything is read, parsed or looked up.

Under ten times the load that can be served, nine requests of ten are refused: what a refusal costs is taken
from the tenth.
"""

from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.admission import Admission


@dataclass(frozen=True, slots=True)
class _Route:
    """What logs and metrics want to know of a route."""

    path: str


class RefuseWhenFull:
    """ASGI layer inside the one that answers problems.

    Args:
        app: what it wraps.
        admission: knows whether there is a place.
        path: the address that is guarded, for POST and PUT. Who prefers to be answered later (RFC 7240) is
            let through: that is for the route to decide.
    """

    def __init__(self, app: ASGIApp, *, admission: Admission, path: str) -> None:
        self._app = app
        self._admission = admission
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises:
            Problem: `overloaded`.
        """
        if scope["type"] == "http" and scope["path"] == self._path and self._must_be_served_now(scope):
            scope["route"] = _Route(self._path)
            self._admission.check()
        await self._app(scope, receive, send)

    @staticmethod
    def _must_be_served_now(scope: Scope) -> bool:
        return scope["method"] in {"POST", "PUT"} and not any(
            name == b"prefer" for name, _ in scope["headers"]
        )
