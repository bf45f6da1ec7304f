"""The request's schema in the OpenAPI document: the route reads its body itself, so FastAPI sees none."""

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from shared.contracts.fusion import FusionRequest

_PLACE = "#/components/schemas/{model}"


def describe_request(app: FastAPI) -> None:
    """Add the schemas of `FusionRequest` to what `/openapi.json` answers."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        _, definitions = models_json_schema([(FusionRequest, "validation")], ref_template=_PLACE)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in definitions["$defs"].items():
            schemas.setdefault(name, schema)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI documents this as the way to extend it
