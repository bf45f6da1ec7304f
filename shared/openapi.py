"""The OpenAPI document: error answers are `application/problem+json` only."""

from typing import Any

from fastapi import FastAPI

from shared.contracts.problems import MEDIA_TYPE


def use_problem_documents_only(app: FastAPI) -> None:
    """Correct what FastAPI writes for the `responses` of `problem_responses`: it adds `application/json`."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        for operations in document.get("paths", {}).values():
            for operation in operations.values():
                for response in operation.get("responses", {}).values():
                    content = response.get("content", {})
                    if MEDIA_TYPE in content:
                        content.pop("application/json", None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents for changing it
