"""Jobs over HTTP, in the house that all tests share."""

import json
import re
import uuid

import pytest

from gateway.routes import jobs
from tests.jobs.gateway_process import eventually

ASYNC = {"prefer": "respond-async"}


def hand_in(gateway, film, *, options="?detail=summary", **headers):
    answer = gateway.post(f"/v1/analyses{options}", content=film, headers={**ASYNC, **headers})
    assert answer.status_code == 202, answer.text
    return answer


def finished(gateway, location):
    def ended():
        job = gateway.get(location).raise_for_status().json()
        return job if job["state"] in {"succeeded", "failed", "cancelled"} else None

    return eventually(ended, f"{location} ends")


def events_of(gateway, location, last=None):
    """Read all events to the end: (id, name, data)."""
    headers = {} if last is None else {"last-event-id": last}
    found = []
    with gateway.stream("GET", f"{location}/events", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
            elif "data" in fields:
                found.append((fields["id"], fields["event"], json.loads(fields["data"])))
                fields = {}
    return found


def test_a_job_from_hand_in_to_analysis(gateway, film):
    answer = hand_in(gateway, film, options="")
    job = answer.json()
    assert re.fullmatch(r"an_[0-9A-HJKMNP-TV-Z]{26}", job["id"])
    assert answer.headers["location"] == f"/v1/analyses/{job['id']}"
    assert answer.headers["preference-applied"] == "respond-async"
    assert job["state"] in {"queued", "processing"}
    assert job["analysis"] is None
    ended = finished(gateway, answer.headers["location"])
    assert ended["state"] == "succeeded"
    assert ended["problem"] is None
    assert ended["attempts"] == 1
    assert ended["progress"]["frames"] > 0
    assert ended["created_at"] <= ended["started_at"] <= ended["finished_at"] < ended["expires_at"]
    assert ended["analysis"]["id"] == job["id"]
    # The same as a plain request gives, but for its id and times.
    plain = gateway.post("/v1/analyses", content=film).json()
    for name in ("emotion", "face", "speech", "people", "moments", "segments", "media", "models"):
        assert ended["analysis"][name] == plain[name], name


def test_wait_gives_the_analysis_or_the_job(gateway, film, long_film):
    there = gateway.post("/v1/analyses?detail=summary", content=film, headers={"prefer": "wait=60"})
    assert there.status_code == 200, there.text
    assert there.json()["emotion"]["label"]
    assert there.headers["preference-applied"] == "wait=60"
    assert there.headers["location"].endswith(there.json()["id"])
    not_yet = gateway.post(
        "/v1/analyses?fps=30", content=long_film, headers={"prefer": "respond-async, wait=0"}
    )
    assert not_yet.status_code == 202
    assert not_yet.headers["preference-applied"] == "respond-async, wait=0"
    assert gateway.delete(not_yet.headers["location"]).status_code == 204


def test_a_plain_request_does_not_wait_for_a_job(one_gateway, film, long_film):
    one_gateway.set("max_analyses", 1)
    one_gateway.set("jobs__at_once", 1)
    one_gateway.start()
    location = hand_in(one_gateway.client, long_film, options="?fps=30").headers["location"]
    eventually(lambda: one_gateway.client.get(location).json()["progress"], "it is decoded")
    assert one_gateway.client.post("/v1/analyses", content=film, params={"end": 1}).status_code == 200
    assert one_gateway.client.get(location).json()["state"] == "processing"
    # Only the job holds a decoder any more: it has not ended.
    told = one_gateway.client.get("/metrics").text
    assert re.search(r"emotion_decoders\{.*running.*\} 1\.0", told)
    assert one_gateway.client.delete(location).status_code == 204


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        (("return=minimal", "respond-async"), "respond-async"),
        (("respond-async", "wait=0"), "respond-async, wait=0"),
        (("respond-async; x=1, wait=0; y",), "respond-async, wait=0"),
    ],
)
def test_wishes_on_several_lines_and_with_parameters(gateway, film, prefer, applied):
    headers = [("prefer", line) for line in prefer]
    answer = gateway.post("/v1/analyses?detail=summary", content=film, headers=headers)
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == applied


def test_a_refused_file_fails_with_its_problem(gateway):
    location = hand_in(gateway, b"rubbish").headers["location"]
    job = finished(gateway, location)
    assert job["state"] == "failed"
    assert job["problem"]["type"] == "/problems/unsupported-media"
    assert job["analysis"] is None
    assert events_of(gateway, location)[-1][1] == "failed"
    waited = gateway.post("/v1/analyses", content=b"rubbish", headers={"prefer": "wait=60"})
    assert waited.status_code == 415
    assert waited.headers["content-type"] == "application/problem+json"


def test_deleting_cancels_and_erases(gateway, long_film, data_folder):
    location = hand_in(gateway, long_film, options="?fps=30").headers["location"]
    eventually(lambda: gateway.get(location).json()["state"] == "processing", "it is begun")
    files = data_folder / "files" / location.rpartition("/")[2]
    assert files.exists()
    assert gateway.delete(location).status_code == 204
    assert gateway.get(location).status_code == 404
    assert gateway.delete(location).status_code == 404
    assert gateway.get(f"{location}/events").status_code == 404
    assert not files.exists()
    # The place is free again.
    assert gateway.post("/v1/analyses", content=long_film, params={"end": 1}).status_code == 200


def test_an_unknown_job_is_not_found(gateway):
    for path in ("an_01K8Z3N5T0V7Q4W2X9Y6B1C3D5", "x", "%2e%2e", "an_01K8Z3N5T0V7Q4W2X9Y6B1C3D5/events"):
        answer = gateway.get(f"/v1/analyses/{path}")
        assert answer.status_code == 404
        assert answer.json()["type"] == "/problems/not-found"


class TestIdempotency:
    def test_the_same_request_gives_the_same_job(self, gateway, film):
        key = {"idempotency-key": str(uuid.uuid4())}
        first = hand_in(gateway, film, **key)
        again = hand_in(gateway, film, **key)
        assert first.headers["location"] == again.headers["location"]
        finished(gateway, first.headers["location"])
        plain = gateway.post("/v1/analyses?detail=summary", content=film, headers=key)
        assert plain.status_code == 200
        assert plain.headers["location"] == first.headers["location"]
        assert plain.headers["vary"] == "Accept"

    def test_another_body_or_options_are_refused(self, gateway, film):
        key = {"idempotency-key": str(uuid.uuid4())}
        hand_in(gateway, film, **key)
        for body, options in ((film + b"x", "?detail=summary"), (film, "?detail=timeline")):
            answer = gateway.post(f"/v1/analyses{options}", content=body, headers={**ASYNC, **key})
            assert answer.status_code == 422
            assert answer.json()["type"] == "/problems/idempotency-key-reused"
            assert answer.json()["field"] == "Idempotency-Key"

    def test_a_plain_request_while_the_first_runs_conflicts(self, gateway, long_film):
        key = {"idempotency-key": str(uuid.uuid4())}
        location = hand_in(gateway, long_film, options="?fps=30", **key).headers["location"]
        answer = gateway.post("/v1/analyses?fps=30", content=long_film, headers=key)
        assert answer.status_code == 409
        assert answer.json()["type"] == "/problems/request-in-progress"
        assert int(answer.headers["retry-after"]) > 0
        assert gateway.delete(location).status_code == 204
        # Erased with its job.
        fresh = hand_in(gateway, long_film, options="?fps=30", **key).headers["location"]
        assert fresh != location
        assert gateway.delete(fresh).status_code == 204

    @pytest.mark.parametrize("key", ["", "a b", "x" * 256])
    def test_a_key_that_is_none(self, gateway, film, key):
        answer = gateway.post("/v1/analyses", content=film, headers={"idempotency-key": key})
        assert answer.status_code == 422
        assert answer.json()["field"] == "Idempotency-Key"


class TestFollowing:
    def test_what_is_analysed_ends_with_the_film(self, gateway, film):
        location = hand_in(gateway, film, options="?detail=summary&end=100").headers["location"]
        told = [data["of_seconds"] for _, name, data in events_of(gateway, location) if name == "progress"]
        assert told
        assert told == [pytest.approx(3, abs=0.1)] * len(told)

    def test_events_come_while_the_film_is_decoded(self, gateway, long_film):
        location = hand_in(gateway, long_film, options="?detail=timeline").headers["location"]
        events = events_of(gateway, location)
        names = [name for _, name, _ in events]
        assert names[:2] == ["started", "probed"]
        assert names[-2:] == ["moments", "done"]
        last_progress = max(at for at, name in enumerate(names) if name == "progress")
        assert names.index("faces") < last_progress, "faces come before the decoder has ended"
        assert [number for number, _, _ in events[:-1]] == [str(at) for at in range(len(events) - 1)]
        assert events[-1][0] == "end"
        assert events[-1][2]["analysis"] == gateway.get(location).json()["analysis"]

    def test_what_keeps_a_quiet_stream_open_stands_between_events(self, gateway, long_film, monkeypatch):
        monkeypatch.setattr(jobs, "_PING_SECONDS", 0.02)
        location = hand_in(gateway, long_film, options="?detail=timeline").headers["location"]
        body = gateway.get(f"{location}/events").text
        *sent, nothing = body.split("\r\n\r\n")
        assert nothing == ""
        assert sent.count(": ping") > 1
        events = [event for event in sent if event != ": ping"]
        assert all(event.startswith("id: ") for event in events), events
        assert [name for _, name, _ in events_of(gateway, location)] == [
            re.search("event: (.*)", event)[1].strip() for event in events
        ]

    def test_a_client_goes_on_where_it_was(self, gateway, film):
        location = hand_in(gateway, film).headers["location"]
        all_of_them = events_of(gateway, location)
        assert events_of(gateway, location, last="2") == all_of_them[3:]
        assert gateway.get(f"{location}/events", headers={"last-event-id": "end"}).status_code == 204
        wrong = gateway.get(f"{location}/events", headers={"last-event-id": "seven"})
        assert wrong.status_code == 422

    def test_whoever_follows_sees_that_it_is_erased(self, gateway, long_film):
        location = hand_in(gateway, long_film, options="?fps=30").headers["location"]
        with gateway.stream("GET", f"{location}/events") as answer:
            lines = answer.iter_lines()
            assert "event: probed" in iter(lines.__next__, "event: done")
            assert gateway.delete(location).status_code == 204
            assert [line for line in lines if line.startswith("event: ")][-1] == "event: cancelled"


def test_limits_name_those_of_jobs(gateway):
    limits = gateway.get("/v1/limits").json()
    assert limits["retention_seconds"] == 3600
    assert limits["max_jobs"] >= limits["max_jobs_per_caller"]


def test_a_callback_without_secret_is_refused(gateway, film):
    answer = gateway.post(
        "/v1/analyses", content=film, params={"callback_url": "https://example.org/x"}, headers=ASYNC
    )
    assert answer.status_code == 422
    assert answer.json()["field"] == "callback_url"
    assert "EMOTION_WEBHOOKS__SECRET" in answer.json()["remedy"]
