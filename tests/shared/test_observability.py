"""One log line a request tells which stage and network took how long, and holds nothing that was sent."""

import json

import httpx
import pytest

from shared.breaker import Breaker
from shared.client import ServiceClient, ServiceDownError
from shared.metrics import ServiceMetrics
from tests.shared.trial_service import trial_service

SECRET = "hunter2-and-more"  # noqa: S105


@pytest.fixture
async def client():
    async with trial_service() as client:
        yield client


def of_requests(lines):
    return [line for line in lines if line["message"] == "request"]


async def test_a_request_is_one_line_with_times_by_network(client, log_lines):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await client.post("/v1/work", content=b"x", headers={"X-Request-Id": "r-1", "traceparent": trace})
    (line,) = of_requests(log_lines)
    assert line["service"] == "trial"
    assert line["request_id"] == "r-1"
    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert (line["method"], line["route"], line["status"]) == ("POST", "/v1/work", 200)
    assert line["ms"] > 0
    assert set(line["calls_ms"]) == {"waited", "ran"}
    assert set(line["networks_ms"]) == {"trial-network-1"}
    assert 0 <= line["networks_ms"]["trial-network-1"] <= line["calls_ms"]["ran"] + 0.02


async def test_a_refusal_is_named_in_its_line(client, log_lines):
    await client.get("/v1/problem")
    await client.get("/v1/number?value=x")
    await client.get("/v1/number", headers={"X-Deadline-Ms": "soon"})
    assert [line["problem"] for line in of_requests(log_lines)] == [
        "overloaded",
        "bad-parameter",
        "bad-parameter",
    ]


async def test_lines_hold_nothing_of_what_was_sent(client, log_lines):
    sent = {"Authorization": f"Bearer {SECRET}", "Cookie": f"session={SECRET}", "X-Request-Id": f"{SECRET} !"}
    await client.get(f"/v1/number?value={SECRET}", headers=sent)
    await client.get(f"/{SECRET}", headers=sent)
    await client.post("/v1/work", content=SECRET.encode(), headers=sent)
    await client.request(SECRET.upper(), "/v1/number", headers=sent)
    assert len(of_requests(log_lines)) == 4
    assert SECRET not in json.dumps(log_lines)
    assert SECRET.upper() not in json.dumps(log_lines)
    metrics = (await client.get("/metrics")).text
    assert SECRET not in metrics
    assert SECRET.upper() not in metrics


async def test_health_and_metrics_write_no_lines(client, log_lines):
    for path in ("/health/live", "/health/ready", "/metrics"):
        await client.get(path)
    assert of_requests(log_lines) == []


async def test_networks_are_counted_by_name_and_waiting_apart(client):
    for _ in range(3):
        await client.post("/v1/work", content=b"x")
    text = (await client.get("/metrics")).text
    assert 'emotion_network_duration_seconds_count{model="trial-network-1"} 3.0' in text
    assert 'emotion_inference_wait_seconds_count{task="work"} 3.0' in text
    assert 'emotion_inference_duration_seconds_count{task="work"} 3.0' in text
    assert "emotion_inference_queue_depth 0.0" in text


async def test_a_breaker_shows_when_it_opens():
    def refuse(_request):
        raise httpx.ConnectError("down")

    metrics = ServiceMetrics("trial", "1")
    breaker = Breaker(failures=2, seconds=100)
    transport = httpx.MockTransport(refuse)
    async with ServiceClient(
        "face", "http://face", transport=transport, breaker=breaker, metrics=metrics, attempts=1
    ) as client:
        shown = []
        for _ in range(3):
            shown.append(
                metrics.registry.get_sample_value("emotion_breaker_open", {"server_address": "face"})
            )
            with pytest.raises(ServiceDownError):
                await client.get("/", seconds=5)
    assert shown == [0, 0, 1]
