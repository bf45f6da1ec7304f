"""Exceptions into problem documents (RFC 9457), once for all services."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Mount

from shared.contracts.problems import MEDIA_TYPE, Problem, ProblemDocument
from shared.metrics import ServiceMetrics
from shared.request_context import current_request_id, note

_log = logging.getLogger(__name__)

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_BY_STATUS = {404: "not-found", 405: "method-not-allowed", 413: "upload-too-large", 415: "unsupported-media"}


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Make the answer for a problem, with `Retry-After` where it has one."""
    all_headers = dict(headers or {})
    if problem.retry_after is not None:
        all_headers["retry-after"] = str(problem.retry_after)
    if problem.status == 401:
        all_headers["www-authenticate"] = "Bearer"
    if problem.status == 426:
        # RFC 9110, 15.5.22: the answer must name it.
        all_headers |= {"upgrade": "websocket", "connection": "upgrade"}
    all_headers["cache-control"] = "no-store"
    document = problem.document(current_request_id.get())
    return Response(
        document.model_dump_json(exclude_none=True), problem.status, all_headers, media_type=MEDIA_TYPE
    )


def problem_responses(*names: int) -> dict[int | str, dict[str, Any]]:
    """Describe error statuses for OpenAPI, for the `responses` of a route."""
    return {status: {"model": ProblemDocument, **problem_description(status)} for status in names}


def problem_description(status: int) -> dict[str, Any]:
    """Describe an error status as it stands in the OpenAPI document."""
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    described = {"description": _DESCRIPTIONS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
    return described | ({"headers": _HEADERS[status]} if status in _HEADERS else {})


_DESCRIPTIONS = {
    400: "The request is malformed.",
    401: "The server asks for an API key, and this request brings none that it knows.",
    404: "There is nothing at this address.",
    405: "The address exists, but not with this method.",
    406: "Nothing that the Accept header allows can be made of it; `available` lists what can.",
    408: "The body arrived too slowly.",
    409: "It cannot be done now; `remedy` says when.",
    413: "The body is over the limit.",
    415: "The media type is not one that can be read.",
    422: "A parameter or the media is not acceptable; `field` names it and `remedy` says what to do.",
    429: "Too many requests; `Retry-After` says when to come back.",
    499: "The client closed the connection before the answer was ready.",
    500: "A fault of the server.",
    503: "Overloaded, or a service that is needed is down; `Retry-After` says when to come back.",
    504: "The deadline passed.",
}


_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}
}
_HEADERS = {
    401: {"WWW-Authenticate": {"description": "RFC 9110.", "schema": {"type": "string"}}},
    **dict.fromkeys((409, 429, 503), _RETRY_AFTER),
}


def validation_problem(error: RequestValidationError | ValidationError) -> Problem:
    """Give the problem for FastAPI's validation error, or pydantic's for what came some other way.

    The first fault names the field, all are listed.
    """
    # What several dependencies need is read anew for each of them while it is wrong.
    faults = list({(fault["loc"], fault["msg"]): fault for fault in error.errors()}.values())
    first = faults[0] if faults else {"loc": ("body",), "msg": "invalid", "type": ""}
    if first["type"] == "json_invalid":
        return Problem("bad-request", "The body is not valid JSON.", field="body")
    listed = [{"field": _field(fault["loc"]), "message": str(fault["msg"])[:300]} for fault in faults[:20]]
    return Problem(
        "bad-parameter",
        f"{listed[0]['field']}: {listed[0]['message']}" if listed else "The request is not acceptable.",
        field=_field(first["loc"]),
        extra={"errors": listed},
    )


def _field(location: Sequence[int | str]) -> str:
    parts = [str(part) for part in location if part not in {"query", "header", "path", "cookie"}]
    return ".".join(parts)[:200] or "body"


def http_problem(error: HTTPException, *, remedy: str | None = None) -> Problem:
    """Give the problem for an exception of the framework itself.

    Args:
        error: of the framework.
        remedy: the catalogue's own where not given.
    """
    if isinstance(error.__cause__, Problem):
        return error.__cause__
    name = _BY_STATUS.get(error.status_code, "bad-request" if error.status_code < 500 else "internal-error")
    details = {
        "not-found": "There is nothing at this address.",
        "method-not-allowed": "This address does not take that method.",
    }
    return Problem(name, details.get(name, str(error.detail)[:300]), remedy=remedy)


def methods_of(app: FastAPI, request: Request, path: str) -> list[str]:
    """Give every method that an address takes: the framework names those of one route only.

    Args:
        app: whose address it is.
        request: for another address, maybe.
        path: of the address.
    """
    scope = request.scope
    # As it was before a router wrote into it.
    asked = {
        "type": "http",
        "path": path,
        "root_path": scope.get("app_root_path", scope.get("root_path", "")),
        "headers": scope["headers"],
    }
    # A mounted app takes every method here, and names those that it means itself.
    routes = [route for route in app.routes if not isinstance(route, Mount)]

    def takes(method: str) -> bool:
        return any(route.matches({**asked, "method": method})[0] is Match.FULL for route in routes)

    return [method for method in _METHODS if takes("GET" if method == "HEAD" else method)]


def _address_meant(app: FastAPI, request: Request, status: int) -> str | None:
    """Say which address was meant where that can be told; None where not."""
    path: str = request.scope["path"]
    if status == 404 and path.endswith("/") and methods_of(app, request, path.rstrip("/")):
        return "Use this address without the slash at the end."
    if status == 405 and request.method in methods_of(app, request, path.rpartition("/")[0]):
        return (
            f"Send {request.method} to this address without its last part and the slash before it (after a "
            "slash, `curl -T` adds the file's name), or use a method named in the Allow header."
        )
    return None


def add_problem_answers(app: FastAPI, metrics: ServiceMetrics) -> None:
    """Answer every exception of the routes of `app` with a problem document."""

    def count(problem: Problem) -> Problem:
        metrics.refusals.labels(problem.name).inc()
        note(problem=problem.name)
        return problem

    async def on_problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101 - the registration below guarantees it
        return problem_response(count(error))

    async def on_validation_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return problem_response(count(validation_problem(error)))

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        headers = dict(error.headers or {})
        if error.status_code == 405 and (methods := methods_of(app, request, request.scope["path"])):
            headers["Allow"] = ", ".join(methods)
        remedy = _address_meant(app, request, error.status_code)
        return problem_response(count(http_problem(error, remedy=remedy)), headers)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_exception)
