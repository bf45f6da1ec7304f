"""Refusing uploads while the house is full, before anything is read, parsed or looked up.

Under ten times the load that can be served, nine requests of ten are refused: what a refusal costs is taken
from the tenth.
"""

from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.admission import Admission
from shared.contracts.problems import Problem
from shared.front_door import Headers


@dataclass(frozen=True, slots=True)
class _Route:
    """What logs and metrics want to know of a route."""

    path: str


class FullHouse:
    """Lets the connection itself refuse (`shared.front_door.Guard`): nothing is parsed but the head.

    Whoever says from which page it comes goes the long way, for CORS is answered there.

    Args:
        admission: knows whether there is a place.
        path: the address that is guarded, for POST and PUT.
    """

    def __init__(self, admission: Admission, path: str) -> None:
        self.path = path
        self._admission = admission
        self._raw_path = path.encode("ascii")

    def refusal(self, method: bytes, path: bytes, headers: Headers) -> Problem | None:
        """Refuse an upload that wants its answer now, while all places are taken."""
        if path != self._raw_path or method not in {b"POST", b"PUT"}:
            return None
        if any(name in {b"prefer", b"origin"} for name, _ in headers):
            return None
        return self._admission.refusal()


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
