"""Whatever is sent, every answer is one that the service's OpenAPI document promises."""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from gateway.routes.job_examples import FINISHED, QUEUED
from shared.contracts.jobs import Job
from tests.servers import House

SERVICES = ["gateway", "face", "speech", "fusion"]


def promised(url: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each address of a service with its operations by method."""
    for path, operations in httpx.get(f"{url}/openapi.json").json()["paths"].items():
        yield url + path.replace("{analysis_id}", "an_1"), operations


@pytest.mark.parametrize("service", SERVICES)
def test_allow_names_every_method_of_an_address(house: House, service: str):
    for address, operations in promised(getattr(house, service)):
        answer = httpx.patch(address)
        assert answer.status_code == 405, address
        assert set(operations) <= set(answer.headers["allow"].lower().split(", ")), address


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_deadline_may_end_in_is_promised(house: House, service: str):
    for address, operations in promised(getattr(house, service)):
        for method, operation in operations.items():
            assert "504" in operation["responses"], (method, address)
            # What has its answer at once gives it, deadline or not.
            for deadline in ("0", "soon"):
                answer = httpx.request(method, address, headers={"X-Deadline-Ms": deadline})
                content = operation["responses"][str(answer.status_code)]["content"]
                assert answer.headers["content-type"].partition(";")[0] in content, (method, address)
            assert answer.status_code == 422, (method, address)


def examples(node: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Every example below a node of the document, with its schema."""
    if isinstance(node, list):
        for each in node:
            yield from examples(each)
    if not isinstance(node, dict):
        return
    shown = node.get("examples")
    if "schema" in node:
        given = [node["example"]] if "example" in node else []
        given += [each["value"] for each in (shown or {}).values()]
        yield from ((node["schema"], example) for example in given)
    elif isinstance(shown, list):
        yield from ((node, example) for example in shown)
    for name, each in node.items():
        if name not in {"example", "examples"}:
            yield from examples(each)


@pytest.mark.parametrize("service", SERVICES)
def test_every_example_is_as_its_schema_says(house: House, service: str):
    document = httpx.get(f"{getattr(house, service)}/openapi.json").json()
    found = list(examples(document))
    assert len(found) >= 5
    for schema, example in found:
        whole = {**schema, "components": document["components"]}
        wrong = list(jsonschema_rs.iter_errors(whole, example, validate_formats=True))
        assert not wrong, (example, wrong[0].message)


@pytest.mark.parametrize(
    ("operation", "example"),
    [
        (("/v1/analyses", "post", "202"), QUEUED),
        (("/v1/analyses", "put", "202"), QUEUED),
        (("/v1/analyses/{analysis_id}", "get", "200"), FINISHED),
    ],
)
def test_an_example_shows_what_is_null_too(
    house: House, operation: tuple[str, str, str], example: dict[str, Any]
):
    path, method, status = operation
    found = httpx.get(f"{house.gateway}/openapi.json").json()["paths"][path][method]["responses"][status]
    assert found["content"]["application/json"]["example"] == example
    # All that an answer holds.
    assert Job.model_validate(example).model_dump(mode="json").keys() == example.keys()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_operation_keeps_its_promise(house: House, service: str, mode: GenerationMode):
    url = getattr(house, service)
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 4
    statuses = set()
    for operation in operations:
        strategy = operation.as_strategy(generation_mode=mode)

        @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=strategy)
        def keeps_its_promise(case):
            # Not every file and every number that a schema allows is acceptable: a file must be media.

            answer = case.call_and_validate(timeout=60, excluded_checks=[positive_data_acceptance])
            assert "Traceback" not in answer.text
            statuses.add(answer.status_code)

        # An operation without parameters or body cannot be called wrongly.
        with contextlib.suppress(Unsatisfiable):
            keeps_its_promise()
    assert (200 if mode is GenerationMode.POSITIVE else 422) in statuses
    assert all(status < 500 for status in statuses)
