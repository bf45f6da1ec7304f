"""The log of an analysis: one line a call, joined by a trace, with times, and nothing of what was sent."""

import json

import httpx

from tests import media_files
from tests.cli.processes import eventually

SECRET = "hunter2-and-more"  # noqa: S105
SERVICES = {"gateway", "face_service", "speech_service", "fusion_service"}
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


def of_trace(lines):
    return [line for line in lines if line["message"] == "request" and line["trace_id"] == TRACE_ID]


def test_an_analysis_can_be_followed_through_all_services(house, log_lines, tmp_path):
    film = media_files.talking_film(tmp_path / f"{SECRET}.mp4", seconds=2)
    headers = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01", "Authorization": f"Bearer {SECRET}"}
    with film.open("rb") as file, httpx.Client(base_url=house.gateway, timeout=150) as client:
        answer = client.post("/v1/analyses", files={"file": (film.name, file)}, headers=headers)
    assert answer.status_code == 200
    # A service writes its line when its answer is on the way, so the last may come after the gateway's.
    assert eventually(lambda: {line["service"] for line in of_trace(log_lines)} == SERVICES), log_lines
    found = of_trace(log_lines)
    assert {line["request_id"] for line in found} == {answer.headers["x-request-id"]}
    by_service = {line["service"]: line for line in found}
    own = by_service.pop("gateway")
    assert (own["kind"], own["analysis"]) == ("film", "complete")
    assert set(own["stages_ms"]) == {"receive", "decode", "face", "speech", "fuse", "total"}
    for line in by_service.values():
        assert line["networks_ms"]
        assert set(line["calls_ms"]) == {"waited", "ran"}
    assert SECRET not in json.dumps(log_lines)
    assert "/proc/" not in json.dumps(log_lines)
    assert str(tmp_path) not in json.dumps(log_lines)


def test_a_refused_upload_is_named_in_its_line(house, log_lines):
    headers = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}
    httpx.post(f"{house.gateway}/v1/analyses", content=SECRET.encode(), headers=headers, timeout=150)
    assert eventually(lambda: of_trace(log_lines))
    (line,) = of_trace(log_lines)
    assert (line["service"], line["status"], line["problem"]) == ("gateway", 415, "unsupported-media")
    assert SECRET not in json.dumps(log_lines)
