"""The service factory, with a small service made by it."""

import asyncio
import contextlib
import json

import httpx
import pytest
from fastapi import APIRouter, Request
from pydantic import BaseModel

from shared.contracts.problems import Problem
from shared.deadlines import current_deadline
from shared.request_body import read_body
from shared.service import create_service
from shared.settings import ServiceSettings

router = APIRouter(prefix="/v1")


class Item(BaseModel):
    size: int


@router.get("/number")
async def number(value: int = 1) -> int:
    return value


@router.post("/item")
async def item(item: Item) -> Item:
    return item


@router.put("/files")
async def files() -> None:
    pass


@router.get("/files/{name}")
async def file(name: str) -> str:
    return name


@router.get("/problem")
async def problem() -> None:
    raise Problem("overloaded", "Full.", retry_after=7)


@router.get("/fault")
async def fault() -> None:
    raise RuntimeError("secret detail in /etc/hidden")


@router.get("/slow")
async def slow() -> None:
    await asyncio.sleep(30)


@router.get("/deadline")
async def remaining() -> float:
    return current_deadline.get().remaining()


@router.post("/length")
async def length(request: Request) -> int:
    return len(await read_body(request, 1000))


@contextlib.asynccontextmanager
async def serve(load=lambda _: (), **settings):
    app = create_service(
        name="trial",
        title="Trial",
        description="",
        settings=ServiceSettings(**settings),
        routers=[router],
        load=load,
    )
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://trial") as client,
    ):
        yield client


@pytest.fixture
async def client():
    async with serve() as client:
        for _ in range(100):
            if (await client.get("/health/ready")).is_success:
                break
            await asyncio.sleep(0.01)
        yield client


def document(answer, status, name):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == f"/problems/{name}"
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["remedy"]
    return body


async def test_unknown_and_repeated_parameters_are_refused_by_name(client):
    body = document(await client.get("/v1/number?valu=3"), 422, "unknown-parameter")
    assert body["field"] == "valu"
    assert "value" in body["remedy"]
    assert document(await client.get("/v1/number?value=3&value=4"), 422, "bad-parameter")["field"] == "value"
    assert document(await client.get("/health/live?x=1"), 422, "unknown-parameter")["field"] == "x"


async def test_validation_names_the_field(client):
    assert document(await client.get("/v1/number?value=x"), 422, "bad-parameter")["field"] == "value"
    body = document(await client.post("/v1/item", json={"size": "big"}), 422, "bad-parameter")
    assert body["field"] == "body.size"
    document(
        await client.post("/v1/item", content=b"{", headers={"content-type": "application/json"}),
        400,
        "bad-request",
    )


async def test_addresses_and_methods_that_do_not_exist(client):
    document(await client.get("/v2"), 404, "not-found")
    answer = await client.delete("/v1/number")
    document(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("address", ["/v1/number/", "/v1/number//", "/health/live/", "/docs/"])
async def test_a_slash_at_the_end_is_another_address(client, address):
    answer = await client.get(address)
    assert "without the slash at the end" in document(answer, 404, "not-found")["remedy"]
    assert "location" not in answer.headers


@pytest.mark.parametrize("address", ["/", "//", "/v1/", "/v2/", "/v1/item/slash/at/end/"])
async def test_no_address_without_the_slash_either(client, address):
    assert "slash" not in document(await client.get(address), 404, "not-found")["remedy"]


async def test_a_name_behind_the_address_for_files(client):
    """`curl -T` adds the file's name to an address that ends with a slash."""
    body = document(await client.put("/v1/files/face.jpg", content=b"x"), 405, "method-not-allowed")
    assert body["remedy"].startswith("Send PUT to this address without its last part")
    body = document(await client.delete("/v1/files/face.jpg"), 405, "method-not-allowed")
    assert body["remedy"] == "Use a method named in the Allow header."


async def test_a_problem_says_when_to_come_back(client):
    answer = await client.get("/v1/problem")
    document(answer, 503, "overloaded")
    assert answer.headers["retry-after"] == "7"


async def test_a_fault_shows_nothing_of_the_inside(client):
    body = document(await client.get("/v1/fault"), 500, "internal-error")
    assert "secret" not in json.dumps(body)
    assert "hidden" not in json.dumps(body)


async def test_deadlines_are_honoured_and_cut(client):
    document(await client.get("/v1/slow", headers={"X-Deadline-Ms": "50"}), 504, "deadline-exceeded")
    left = (await client.get("/v1/deadline", headers={"X-Deadline-Ms": "5000"})).json()
    assert 4 < left <= 5
    left = (await client.get("/v1/deadline", headers={"X-Deadline-Ms": "86000000"})).json()
    assert left <= 300
    for value in ("soon", "-1", "86400001", "9" * 5000):
        body = document(await client.get("/v1/slow", headers={"X-Deadline-Ms": value}), 422, "bad-parameter")
        assert body["field"] == "X-Deadline-Ms"


async def test_request_ids_are_kept_when_harmless_and_replaced_when_not(client):
    assert (await client.get("/v1/number", headers={"X-Request-Id": "abc-1"})).headers[
        "x-request-id"
    ] == "abc-1"
    odd = (await client.get("/v1/number", headers={"X-Request-Id": "a b\tc" * 50})).headers["x-request-id"]
    assert odd.isalnum()


async def test_bodies_are_counted(client):
    assert (await client.post("/v1/length", content=b"x" * 1000)).json() == 1000
    document(await client.post("/v1/length", content=b"x" * 1001), 413, "upload-too-large")

    async def chunks():
        for _ in range(20):
            yield b"x" * 100

    document(await client.post("/v1/length", content=chunks()), 413, "upload-too-large")


async def test_metrics_have_opentelemetry_names_and_count(client):
    await client.get("/v1/number")
    await client.get("/v1/problem")
    text = (await client.get("/metrics")).text
    label = 'http_request_method="GET",http_response_status_code="200",http_route="/v1/number"'
    assert f"http_server_request_duration_seconds_count{{{label}}} 1.0" in text
    assert 'emotion_refusals_total{problem="overloaded"} 1.0' in text
    assert 'target_info{service_name="trial"' in text
    assert "process_resident_memory_bytes" in text


async def test_documentation_loads_nothing_from_elsewhere(client):
    for path in ("/docs", "/redoc"):
        page = (await client.get(path)).text
        assert "http://" not in page.replace("http://www.w3.org", "")
        assert "https://" not in page
    assert (await client.get("/static-offline-docs/swagger-ui-bundle.js")).is_success


async def test_error_answers_are_documented_as_problem_documents_only(client):
    api = (await client.get("/openapi.json")).json()
    assert list(api["paths"]["/health/ready"]["get"]["responses"]["503"]["content"]) == [
        "application/problem+json"
    ]


async def test_calls_wait_for_the_networks_and_health_says_so():
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def load(_):
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(5)
        return ()

    async with serve(load) as client:
        assert (await client.get("/health/live")).is_success
        document(await client.get("/health/ready"), 503, "not-ready")
        document(await client.get("/v1/number"), 503, "not-ready")
        gate.set()
        for _ in range(200):
            if (await client.get("/health/ready")).is_success:
                break
            await asyncio.sleep(0.01)
        assert (await client.get("/v1/number")).json() == 1


async def test_a_service_whose_networks_do_not_load_is_not_live():
    def load(_):
        raise FileNotFoundError("model.onnx")

    async with serve(load) as client:
        for _ in range(100):
            answer = await client.get("/health/live")
            if not answer.is_success:
                break
            await asyncio.sleep(0.01)
        document(answer, 503, "service-unavailable")
        ready = document(await client.get("/health/ready"), 503, "not-ready")
        assert ready["components"] == {"networks": "failed"}
        document(await client.get("/v1/number"), 503, "service-unavailable")
