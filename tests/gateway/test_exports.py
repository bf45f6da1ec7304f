"""Exports over HTTP: `Accept` on an upload."""

import httpx
import pytest

from gateway.exports.formats import FORMATS
from tests import media_files


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> bytes:
    return media_files.talking_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=2).read_bytes()


def post(gateway: httpx.Client, film: bytes, accept: str, **options: object) -> httpx.Response:
    return gateway.post("/v1/analyses", content=film, params=options, headers={"accept": accept})


@pytest.mark.parametrize("export", FORMATS, ids=lambda export: export.name)
def test_an_upload_is_answered_in_the_format_that_is_asked_for(gateway, film, export) -> None:
    answer = post(gateway, film, export.media_type)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == export.content_type
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["content-disposition"].endswith(f'.{export.name}"')
    assert "happiness" in answer.text


def test_json_is_what_a_client_without_wishes_gets(gateway, film) -> None:
    answer = post(gateway, film, "*/*")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["frames"]


def test_what_cannot_be_made_is_refused_before_the_file_is_read(gateway) -> None:
    answer = post(gateway, b"not even media", "text/html")
    assert answer.status_code == 406
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/not-acceptable"
    assert "text/vtt" in answer.json()["available"]


def test_a_format_that_needs_more_detail_is_refused_before_the_file_is_read(gateway) -> None:
    answer = post(gateway, b"not even media", "text/csv", detail="timeline")
    assert answer.status_code == 406
    assert answer.json()["field"] == "detail"
    assert "detail=frames" in answer.json()["remedy"]


def test_less_detail_is_enough_for_captions(gateway, film) -> None:
    assert post(gateway, film, "text/vtt", detail="timeline").text.startswith("WEBVTT")


def test_the_documentation_lists_every_format_with_an_example(gateway) -> None:
    document = gateway.get("/openapi.json").json()
    content = document["paths"]["/v1/analyses"]["post"]["responses"]["200"]["content"]
    for export in FORMATS:
        assert content[export.media_type]["example"]
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/Analysis"}
