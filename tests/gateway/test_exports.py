"""Exports over HTTP: by `Accept` on an upload and on a job, and by suffix."""

import httpx
import pytest

from gateway.exports.formats import FORMATS
from shared.contracts.analyses import Analysis
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
    assert answer.json()["available"] == [
        "application/json",
        "text/csv; table=moments",
        "application/jsonl",
        "text/vtt",
        "application/emotionml+xml",
    ]


def test_less_detail_is_enough_for_captions(gateway, film) -> None:
    assert post(gateway, film, "text/vtt", detail="timeline").text.startswith("WEBVTT")


def test_the_documentation_lists_every_format_with_an_example(gateway) -> None:
    document = gateway.get("/openapi.json").json()
    content = document["paths"]["/v1/analyses"]["post"]["responses"]["200"]["content"]
    for export in FORMATS:
        assert content[export.media_type]["example"]
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/Analysis"}


@pytest.fixture(scope="module")
def finished(house, film):
    """The id of a job that has succeeded."""
    with httpx.Client(base_url=house.gateway, timeout=120) as client:
        answer = client.post("/v1/analyses", content=film, headers={"prefer": "wait=100"})
        assert answer.status_code == 200, answer.text
        return answer.headers["location"].rsplit("/", 1)[1]


@pytest.mark.parametrize("export", FORMATS, ids=lambda export: export.name)
def test_a_finished_job_is_had_by_suffix_and_by_accept(gateway, finished, export) -> None:
    by_suffix = gateway.get(f"/v1/analyses/{finished}.{export.name}")
    by_accept = gateway.get(f"/v1/analyses/{finished}", headers={"accept": export.media_type})
    for answer in (by_suffix, by_accept):
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == export.content_type
        assert answer.headers["content-disposition"] == f'attachment; filename="{finished}.{export.name}"'
    analysis = Analysis.model_validate(gateway.get(f"/v1/analyses/{finished}").json()["analysis"])
    assert by_suffix.content == by_accept.content == b"".join(export.pieces(analysis))


@pytest.mark.parametrize("suffix", ["xlsx", "json", "csv.gz", "CSV"])
def test_an_unknown_suffix_is_refused_with_a_list(gateway, finished, suffix) -> None:
    answer = gateway.get(f"/v1/analyses/{finished}.{suffix}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert ".moments.csv" in answer.json()["remedy"]


def test_an_export_of_a_job_that_is_not_there(gateway) -> None:
    for path in ("an_01K8Z3N5T0V7Q4W2X9Y6B1C3D5.csv", "x.vtt"):
        answer = gateway.get(f"/v1/analyses/{path}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


def test_accept_that_cannot_be_met_on_a_finished_job(gateway, finished) -> None:
    answer = gateway.get(f"/v1/analyses/{finished}", headers={"accept": "text/html"})
    assert answer.status_code == 406


def test_a_job_with_less_detail_says_what_it_lacks(gateway, film) -> None:
    answer = gateway.post(
        "/v1/analyses", content=film, params={"detail": "summary"}, headers={"prefer": "wait=100"}
    )
    place = answer.headers["location"]
    assert gateway.get(f"{place}.emotionml").status_code == 200
    refused = gateway.get(f"{place}.csv")
    assert refused.status_code == 406
    assert "detail=frames" in refused.json()["detail"]


def test_an_unfinished_job_has_no_export_yet(gateway, tmp_path) -> None:
    long = media_files.talking_film(tmp_path / "long.mp4", seconds=30).read_bytes()
    job = gateway.post("/v1/analyses?fps=30", content=long, headers={"prefer": "respond-async"})
    place = job.headers["location"]
    answer = gateway.get(f"{place}.csv")
    gateway.delete(place)
    # On a quick machine it may be done by now: then it is an export.
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) in {
        (409, "application/problem+json"),
        (200, "text/csv"),
    }


def test_the_documentation_has_an_operation_for_each_suffix(gateway) -> None:
    paths = gateway.get("/openapi.json").json()["paths"]
    for export in FORMATS:
        content = paths[f"/v1/analyses/{{analysis_id}}.{export.name}"]["get"]["responses"]["200"]["content"]
        assert list(content) == [export.media_type]
        assert content[export.media_type]["example"]
