"""The OpenAPI document: error answers are `application/problem+json` only, and none is left out."""

from typing import Any

from fastapi import FastAPI

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
