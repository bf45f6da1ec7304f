"""The OpenAPI document: errors are `application/problem+json` only, none is left out, examples are whole."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from shared.contracts.problems import MEDIA_TYPE
from shared.problem_answers import problem_description

# What the layer around every route may answer: to a wrong X-Deadline-Ms, a fault, a stop, a deadline.
_OF_EVERY_OPERATION = (422, 500, 503, 504)


def use_problem_documents_only(app: FastAPI) -> None:
    """Correct what FastAPI writes for the `responses` of `problem_responses`: it adds `application/json`.

    What every operation may answer is added to each.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        for operations in document.get("paths", {}).values():
            for operation in operations.values():
                responses = operation.setdefault("responses", {})
                for status in _OF_EVERY_OPERATION:
                    responses.setdefault(str(status), problem_description(status))
                for response in responses.values():
                    content = response.get("content", {})
                    if MEDIA_TYPE in content:
                        content.pop("application/json", None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents for changing it


def show_whole_examples(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Put the examples of answers back as they were written: FastAPI leaves out whatever is null in them.

    Args:
        app: whose document it is.
        routers: of the app, included without a prefix.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        for router in routers:
            for route in router.routes:
                if isinstance(route, APIRoute) and route.include_in_schema:
                    for method in route.methods or ():
                        _put_back(document["paths"][route.path_format][method.lower()], route)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as above


def _put_back(operation: dict[str, Any], route: APIRoute) -> None:
    for status, response in route.responses.items():
        for media_type, shown in response.get("content", {}).items():
            if "example" in shown:
                operation["responses"][str(status)]["content"][media_type]["example"] = shown["example"]


def add_schemas(app: FastAPI, added: Mapping[str, tuple[JsonSchemaMode, TypeAdapter[Any]]]) -> None:
    """Describe what no body of an operation is, but a stream or a socket carries.

    Args:
        app: whose document it is.
        added: name in the document -> `validation` for what is received or `serialization` for what is sent,
            and its type; what that refers to is described too.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if not added.keys() <= schemas.keys():
            named, referred = TypeAdapter.json_schemas(
                [(name, mode, adapter) for name, (mode, adapter) in added.items()],
                ref_template="#/components/schemas/{model}",
            )
            told = referred.get("$defs", {}) | {name: schema for (name, _), schema in named.items()}
            document["components"]["schemas"] = dict(sorted((told | schemas).items()))
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as above
