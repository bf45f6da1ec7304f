"""What is generated from the gateway's document can read whatever comes back, and knows that it is there."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest

from tests import media_files
from tests.live.client import jpeg, knock, packets
from tests.servers import House

# Members of problem documents, which only some have.
SOMETIMES_THERE = {"ProblemDocument"}
# Sent by clients, who may leave to the server what they do not care for.
RECEIVED = {"LiveOpen"}


@pytest.fixture(scope="module")
def document(house: House) -> dict[str, Any]:
    return httpx.get(f"{house.gateway}/openapi.json").json()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return media_files.talking_film(path, seconds=2).read_bytes()


def check(document: dict[str, Any], name: str, instance: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    wrong = [error.message for error in jsonschema_rs.iter_errors(schema, instance, validate_formats=True)]
    assert not wrong, (name, wrong[:3])


def told_in(stream: str) -> Iterator[dict[str, Any]]:
    for data in re.findall(r"^data: (.*)$", stream, re.MULTILINE):
        yield json.loads(data)


def test_what_is_always_sent_is_required(document):
    optional = {
        name
        for name, schema in document["components"]["schemas"].items()
        if schema.get("properties", {}).keys() - set(schema.get("required", []))
    }
    assert optional == SOMETIMES_THERE | RECEIVED


def test_no_two_schemas_share_a_title(document):
    """Generators name classes by it, and leave out whatever needs a second one of the same name."""
    titles = [schema["title"] for schema in document["components"]["schemas"].values() if "title" in schema]
    assert len(titles) == len(set(titles))


def test_an_upload_may_be_any_file(document, gateway, film):
    for method in ("post", "put"):
        content = document["paths"]["/v1/analyses"][method]["requestBody"]["content"]
        assert {"multipart/form-data", "application/octet-stream"} <= content.keys()
    answer = gateway.post("/v1/analyses", content=film, headers={"content-type": "application/octet-stream"})
    check(document, "Analysis", answer.json())
    assert answer.json()["media"]["kind"] == "film"


def test_events_of_a_job_are_described(document, gateway, film):
    operation = document["paths"]["/v1/analyses/{analysis_id}/events"]["get"]
    schema = operation["responses"]["200"]["content"]["text/event-stream"]["schema"]
    data = schema["contentSchema"]["items"]["properties"]["data"]
    assert data["contentSchema"] == {"$ref": "#/components/schemas/JobEvent"}
    handed = gateway.post("/v1/analyses", content=film, headers={"prefer": "respond-async"})
    events = list(told_in(gateway.get(f"{handed.headers['location']}/events").text))
    assert {event["event"] for event in events} == {
        "started",
        "probed",
        "progress",
        "faces",
        "segments",
        "moments",
        "done",
    }
    for event in events:
        check(document, "JobEvent", event)
    check(document, "Job", gateway.get(handed.headers["location"]).json())


def test_a_failed_job_is_described(document, gateway):
    handed = gateway.post("/v1/analyses", content=b"%PDF-1.7 " * 99, headers={"prefer": "respond-async"})
    events = list(told_in(gateway.get(f"{handed.headers['location']}/events").text))
    assert events[-1]["event"] == "failed"
    check(document, "JobEvent", events[-1])
    job = gateway.get(handed.headers["location"]).json()
    check(document, "Job", job)
    # What it has not is left out there too.
    assert job["problem"].keys() == {"type", "title", "status", "detail", "remedy", "field", "request_id"}
    refusal = gateway.get(f"{handed.headers['location']}.csv").json()
    check(document, "ProblemDocument", refusal)
    assert refusal["problem"]["type"] == "/problems/unsupported-media"


def test_members_of_problems_are_described(document, gateway, film, tmp_path):
    coarse = media_files.write_sound(tmp_path / "coarse.wav", rate=4_000).read_bytes()
    answers = {
        "errors": gateway.post("/v1/analyses?fps=0", content=film),
        "available": gateway.post("/v1/analyses", content=film, headers={"accept": "image/png"}),
        "allowed": gateway.post("/v1/analyses", content=coarse),
    }
    described = document["components"]["schemas"]["ProblemDocument"]["properties"]
    for member, answer in answers.items():
        problem = answer.json()
        assert member in problem
        assert problem.keys() <= described.keys()
        assert None not in problem.values()
        check(document, "ProblemDocument", problem)


def test_a_header_that_an_answer_has_is_described(document, gateway, film):
    responses = document["paths"]["/v1/analyses"]["post"]["responses"]
    waited = gateway.post("/v1/analyses", content=film, headers={"prefer": "wait=60"})
    assert waited.status_code == 200
    for name in ("Location", "Preference-Applied"):
        assert waited.headers[name]
        assert name in responses["200"]["headers"]
    assert "WWW-Authenticate" in responses["401"]["headers"]
    for operations in document["paths"].values():
        for operation in operations.values():
            for status in {"429", "503"} & operation["responses"].keys():
                assert "Retry-After" in operation["responses"][status]["headers"]


def test_a_receiver_of_webhooks_finds_what_it_gets(document):
    (callback,) = document["paths"]["/v1/analyses"]["post"]["callbacks"].values()
    body = callback["{$request.query.callback_url}"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/JobEnded"}


async def test_messages_of_live_streams_are_described(document, house):
    opened = {"event": "open", "source": "pictures"}
    for message in (opened, {"event": "ping"}, {"event": "end"}):
        check(document, "LiveMessage", message)
    face = jpeg(media_files.astronaut())
    seen = set()
    async with knock(house.gateway) as viewer:
        await viewer.say(**opened)
        async for text in viewer.connection:
            event = json.loads(text)
            check(document, "LiveEvent", event)
            seen.add(event["event"])
            if event["event"] == "ready":
                await viewer.say(event="ping")
            if event["event"] == "pong":
                for _, sent in packets(1.0, faces=[face], voice=media_files.speech(1.0)):
                    await viewer.send(sent)
                await viewer.say(event="end")
    assert {"ready", "pong", "faces", "done"} <= seen


async def test_the_end_of_a_live_stream_by_a_fault_is_described(document, house):
    async with knock(house.gateway) as viewer:
        await viewer.say(event="open", source="pictures", fps=0)
        event = json.loads(await viewer.connection.recv())
    assert event["event"] == "problem"
    check(document, "LiveEvent", event)
