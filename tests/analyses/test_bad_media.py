"""Bad input: each with its problem, and nothing left behind."""

import numpy as np
import pytest

from tests import media_files
from tests.media import hostile_files
from tests.stress.raw_http import connected, head, read_answer


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return media_files.talking_film(tmp_path_factory.mktemp("film") / "film.mp4")


def refused(answer, status, name):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["type"] == f"/problems/{name}"
    assert document["remedy"]
    assert "/" not in document["detail"].replace("WebM/", "").replace("/problems", "")
    return document


def test_zero_bytes(gateway):
    refused(gateway.post("/v1/analyses", content=b""), 422, "empty-upload")


@pytest.mark.parametrize(
    "content",
    [
        b"This is a text, whatever its name says.\n" * 20,
        b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\nhttp://127.0.0.1:9/secret.ts\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
        b"PK\x03\x04" + bytes(100),
        b"%PDF-1.7\n" + bytes(100),
        bytes(1000),
    ],
    ids=["text", "playlist", "concat", "svg", "zip", "pdf", "zeros"],
)
def test_what_is_not_media_is_refused_whatever_it_is_called(gateway, content):
    answer = gateway.post("/v1/analyses", files={"file": ("film.mp4", content, "video/mp4")})
    refused(answer, 415, "unsupported-media")


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_a_film_that_was_cut_off(gateway, film, tmp_path, fraction):
    cut = media_files.truncated(film, fraction, tmp_path / "cut.mp4")
    refused(gateway.post("/v1/analyses", content=cut.read_bytes()), 422, "damaged-media")


@pytest.mark.parametrize("fraction", [0.5, 0.9])
def test_a_stream_that_was_cut_off_gives_what_it_has(gateway, tmp_path, fraction):
    whole = media_files.FILMS["webm-live"](tmp_path)
    cut = media_files.truncated(whole, fraction, tmp_path / "cut.webm")
    answer = gateway.post("/v1/analyses", content=cut.read_bytes())
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["frames"]) >= 2


def test_not_a_number_samples(gateway, tmp_path):
    sound = media_files.write_sound(
        tmp_path / "nan.wav", np.full(16_000, np.nan, np.float32), subtype="FLOAT"
    )
    refused(gateway.post("/v1/analyses", content=sound.read_bytes()), 422, "damaged-media")


@pytest.mark.parametrize("claim", [hostile_files.png_claiming, hostile_files.jpeg_claiming])
def test_a_picture_that_claims_to_be_huge(gateway, claim):
    content = claim(60_000, 60_000)
    document = refused(gateway.post("/v1/analyses", content=content), 422, "media-over-limit")
    assert document["field"] == "file"


def test_an_upload_over_the_limit_is_refused_by_its_header(gateway, house):
    limit = gateway.get("/v1/limits").json()["max_upload_bytes"]
    with connected(house.gateway) as connection:
        connection.sendall(head(content_length=limit + 1))
        answer = read_answer(connection)
    assert (answer.status, answer.problem) == (413, "upload-too-large")
