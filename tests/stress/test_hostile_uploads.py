"""Hostile uploads, through HTTP, against real processes."""

import httpx
import pytest

from shared.contracts.analyses import Analysis
from tests.stress.hostile_uploads import ANALYSIS, UPLOADS, Workshop
from tests.stress.trap import Trap, set_trap

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def trap():
    with set_trap() as trap:
        yield trap


@pytest.fixture(scope="module")
def workshop(trap: Trap, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("hostile"), trap.url)


@pytest.mark.parametrize("name", UPLOADS)
@pytest.mark.usefixtures("nothing_left")
def test_hostile_uploads(name, client, workshop, trap):
    upload = UPLOADS[name]
    content = upload.make(workshop)
    answer = client.post("/v1/analyses", files={"file": ("holiday.mp4", content, "video/mp4")})
    assert answer_name(answer) in upload.answers, answer.text
    for inner in ("/pytest-", "/proc", "/etc", "Traceback", ".py"):
        assert inner not in answer.text
    assert trap.calls == 0
    assert client.get("/health/live").is_success


def answer_name(answer: httpx.Response) -> str:
    """Name of the problem, or `analysis`; both must be what their contracts say."""
    if answer.status_code == 200:
        Analysis.model_validate_json(answer.content)
        return ANALYSIS
    assert answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["remedy"]
    return document["type"].removeprefix("/problems/")
