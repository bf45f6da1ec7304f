"""Who calls: the holder of an API key, or whoever comes from an address."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from starlette.requests import HTTPConnection

from shared.contracts.problems import Problem

_PREFIX = "emo_"
_SCHEME = "sha256:"
_KEY = "A key of this server, `emo_...` (docs/jobs.md)."
_NO_KEY = "Not needed: this server has no keys. One that has some takes `emo_...` (docs/jobs.md)."


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose requests are counted together.

    Args:
        id: `key:` and the first letters of the key's hash, or `address:` and the address.
        owns: the name under which jobs are kept: those of a key are seen by that key only; without keys
            whoever knows a job's id may see it.
    """

    id: str
    owns: str


def new_key() -> str:
    """Make a key of 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """Give what settings hold of a key. A plain hash is enough: nobody guesses 256 random bits."""
    return _SCHEME + hashlib.sha256(key.encode()).hexdigest()


def find_key(key: str, hashes: Sequence[str]) -> str | None:
    """Give the hash among `hashes` that belongs to `key`; takes as long whether or not there is one."""
    presented = hash_key(key)
    found = None
    for known in hashes:
        if hmac.compare_digest(presented.encode(), known.encode()):
            found = known
    return found


async def read_caller(request: Request) -> Caller:
    """Dependency: who calls.

    Raises:
        Problem: `unauthorized` where the server has keys and this is none of them.
    """
    return identify_caller(request, key_of(request))


def key_of(connection: HTTPConnection) -> str | None:
    """Give the key in the header of a request or a handshake."""
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def identify_caller(connection: HTTPConnection, key: str | None) -> Caller:
    """Tell who calls, by the key that was presented, or by the address where the server has no keys.

    Raises:
        Problem: `unauthorized`.
    """
    hashes: Sequence[str] = connection.app.state.settings.api_keys
    if not hashes:
        return Caller(id=f"address:{connection.client.host if connection.client else ''}", owns="anybody")
    known = None if key is None else find_key(key, hashes)
    if known is None:
        raise Problem("unauthorized", "This server asks for an API key.", field="Authorization")
    short = known.removeprefix(_SCHEME)[:16]
    return Caller(id=f"key:{short}", owns=f"key:{short}")


CallerOf = Annotated[Caller, Depends(read_caller)]


def announce_keys(app: FastAPI, *, needed: bool) -> None:
    """Say in the OpenAPI document that calls under /v1 take a key.

    Args:
        app: whose document it is.
        needed: False where this server has none: what is generated from its document may serve elsewhere.
    """
    security: list[dict[str, list[str]]] = [{"key": []}] if needed else [{}, {"key": []}]
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes["key"] = {"type": "http", "scheme": "bearer", "description": _KEY if needed else _NO_KEY}
        for path, operations in document["paths"].items():
            for operation in operations.values():
                if path.startswith("/v1/"):
                    operation["security"] = security
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents for changing it
