"""The service over HTTP: answers, and bad input each with its problem."""

import asyncio
import json
import time
import tracemalloc

import numpy as np
import pytest

from fusion_service.routes import fuse_json
from shared.contracts.fusion import FusionResult
from shared.contracts.problems import Problem
from shared.deadlines import Deadline, current_deadline


async def post(client, body):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await client.post("/v1/fusion", content=content, headers={"content-type": "application/json"})


@pytest.fixture
def film_body(make):
    request = make.film([[make.face(label="happiness")]] * 10, segments=[make.segment(0, 1.8, "happiness")])
    return json.loads(request.model_dump_json())


async def test_a_film(client, film_body):
    response = await post(client, film_body)
    assert response.status_code == 200
    result = FusionResult.model_validate_json(response.content)
    assert result.emotion.label == "happiness"
    assert result.emotion.confidence > 0.76
    assert [person.frames for person in result.people] == [10]
    assert len(result.moments) == 2
    assert response.headers["x-request-id"]


async def test_the_profile_chooses_the_model(client, film_body):
    film_body["profile"] = "paper"
    assert (await post(client, film_body)).json()["model"].startswith("fusion-paper")


async def test_models_are_listed(client):
    models = (await client.get("/v1/models")).json()["models"]
    assert {model["profile"] for model in models} == {"default", "paper"}


async def test_the_explorer_knows_the_request(client):
    document = (await client.get("/openapi.json")).json()
    assert "frames" in document["components"]["schemas"]["FusionRequest"]["properties"]
    assert "Face" in document["components"]["schemas"]


def _out_of_order(body):
    body["frames"].reverse()


def _not_summing(body):
    body["frames"][0]["faces"][0]["scores"]["fear"] = 0.9


def _unknown_strategy(body):
    body["strategy"] = "vote"


def _unknown_profile(body):
    body["profile"] = "best"


def _unknown_field(body):
    body["colour"] = "red"


def _negative_time(body):
    body["frames"][0]["t"] = -1


def _no_modality(body):
    body["modalities"] = []


def _segment_backwards(body):
    body["segments"][0].update(start=2.0, end=1.0)


def _endless(body):
    body.update(seconds=1e6, moment_seconds=0.1)


def _a_box_without_area(body):
    body["frames"][0]["faces"][0]["box"].update(width=1e-170, height=1e-170)


def _more_faces_than_are_read_of_a_picture(body):
    body["frames"][0]["faces"] *= 65


def _broken_vector(body):
    body["frames"][0]["faces"][0]["appearance"] = "???"


def _vectors_of_two_lengths(body):
    body["frames"][0]["faces"][0]["expression"] = "AAAAAA=="
    body["frames"][1]["faces"][0]["expression"] = "AAA="


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (_out_of_order, "body"),
        (_not_summing, "frames.0.faces.0.scores"),
        (_unknown_strategy, "strategy"),
        (_unknown_profile, "profile"),
        (_unknown_field, "colour"),
        (_negative_time, "frames.0.t"),
        (_no_modality, "modalities"),
        (_segment_backwards, "segments"),
        (_endless, "body"),
        (_a_box_without_area, "frames.0.faces.0.box.width"),
        (_more_faces_than_are_read_of_a_picture, "frames.0.faces"),
        (_broken_vector, "frames.0.faces.0.appearance"),
        (_vectors_of_two_lengths, "frames.faces.expression"),
    ],
)
async def test_bad_input_is_refused_by_name(client, film_body, spoil, field):
    spoil(film_body)
    response = await post(client, film_body)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "/problems/bad-parameter"
    assert problem["field"] == field
    assert problem["remedy"]


async def test_a_crowd_in_one_place_is_given_up_at_the_deadline(models, make):
    # Everybody may be everybody: each frame takes some tenths of a second.
    body = make.film([[make.face()] * 64] * 200).model_dump_json().encode()
    token = current_deadline.set(Deadline.after(1))
    try:
        began = time.monotonic()
        with pytest.raises(Problem, match="time allowed"):
            fuse_json(body, models)
        assert time.monotonic() - began < 10
    finally:
        current_deadline.reset(token)


@pytest.mark.parametrize("field", ["frames", "segments", "earlier_segments", "faces"])
async def test_of_many_faults_the_first_is_told(client, film_body, field):
    (film_body["frames"][0] if field == "faces" else film_body)[field] = [1] * 60
    response = await post(client, film_body)
    assert response.status_code == 422
    assert len(response.json()["errors"]) == 1


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999"])
async def test_numbers_that_are_none(client, film_body, number):
    body = json.dumps(film_body).encode().replace(b'"snr_db": 25.0', b'"snr_db": ' + number)
    response = await post(client, body)
    assert response.status_code in {400, 422}
    assert response.json()["type"] in {"/problems/bad-request", "/problems/bad-parameter"}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[1, 2", b'{"kind": "film"'])
async def test_what_is_not_json(client, body):
    response = await post(client, body)
    assert response.status_code == 400
    assert response.json()["type"] == "/problems/bad-request"


async def test_unknown_query_parameters_are_refused(client, film_body):
    response = await client.post("/v1/fusion?fast=1", content=json.dumps(film_body))
    assert response.json()["type"] == "/problems/unknown-parameter"


async def test_a_body_over_the_limit(client_of_small_bodies, film_body):
    response = await post(client_of_small_bodies, film_body)
    assert response.status_code == 413
    assert response.json()["limit"] == 2048


async def test_first_calls_at_once(client, film_body):
    """Nothing is built inside a call: twenty first calls together give one answer."""
    answers = await asyncio.gather(*[post(client, film_body) for _ in range(20)])
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_a_long_and_crowded_film_takes_few_times_its_json(make, models):
    """The frames are never there as contracts all at once."""
    crowd = [make.face(x=at / 16, size=0.05, person=at, expression=np.linspace(0, 1, 52)) for at in range(16)]
    body = make.film([crowd] * 200).model_dump_json().encode()
    fuse_json(body, models)
    tracemalloc.start()
    try:
        fuse_json(body, models)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(body), f"{peak / len(body):.1f} times"
