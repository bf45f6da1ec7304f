"""Whatever is sent, every answer is one that the service's OpenAPI document promises."""

import contextlib

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.servers import House


@pytest.mark.parametrize("service", ["gateway", "face", "speech", "fusion"])
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
