"""HEAD is what GET is, without the content."""

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from tests import media_files

UNKNOWN = "an_01K8Z3N5T0V7Q4W2X9Y6B1C3D5"
# These differ from answer to answer, and what tells where content ends belongs to content.
OF_ONE_ANSWER = {"date", "x-request-id", "transfer-encoding"}
BESIDE_THE_DOCUMENT = ["/", "/page/js/main.js", "/docs", "/redoc", "/openapi.json", "/page/none.js", "/v2"]


@pytest.fixture(scope="module")
def finished(house, tmp_path_factory) -> str:
    """The id of a job that has succeeded."""
    film = media_files.talking_film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=2).read_bytes()
    with httpx.Client(base_url=house.gateway, timeout=120) as client:
        answer = client.post("/v1/analyses", content=film, headers={"prefer": "wait=100"})
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]


def check_alike(gateway: httpx.Client, path: str, **headers: str) -> httpx.Response:
    """Ask by both methods on one connection; a content after HEAD's answer would spoil the next."""
    asked = gateway.head(path, headers=headers)
    got = gateway.get(path, headers=headers)
    assert (asked.status_code, asked.content) == (got.status_code, b""), path
    differ = set(OF_ONE_ANSWER)
    if path == "/metrics":
        differ.add("content-length")
    shown, expected = (
        {name: value for name, value in answer.headers.items() if name not in differ}
        for answer in (asked, got)
    )
    assert shown == expected, path
    return asked


def test_whatever_can_be_got_can_be_asked_for(gateway, finished):
    document = gateway.get("/openapi.json").json()
    paths = [path for path, operations in document["paths"].items() if "get" in operations]
    assert len(paths) >= 13
    for path in paths:
        for identifier in dict.fromkeys((finished, UNKNOWN) if "{" in path else (finished,)):
            answer = check_alike(gateway, path.replace("{analysis_id}", identifier))
            assert answer.status_code == (404 if identifier == UNKNOWN else 200), path
    assert not any("head" in operations for operations in document["paths"].values())


@pytest.mark.parametrize("path", BESIDE_THE_DOCUMENT)
def test_so_can_the_page_and_what_is_not_there(gateway, path):
    check_alike(gateway, path)


def test_conditions_and_wishes_count(gateway, finished):
    etag = gateway.head("/").headers["etag"]
    assert check_alike(gateway, "/", **{"if-none-match": etag}).status_code == 304
    assert check_alike(gateway, f"/v1/analyses/{finished}", accept="text/html").status_code == 406
    assert check_alike(gateway, f"/v1/analyses/{finished}", accept="text/csv").headers["content-length"]
    assert check_alike(gateway, f"/v1/analyses/{finished}.xlsx").status_code == 404
    events = f"/v1/analyses/{finished}/events"
    assert check_alike(gateway, events, **{"last-event-id": "end"}).status_code == 204
    assert check_alike(gateway, events, **{"last-event-id": "rubbish"}).status_code == 422
    assert check_alike(gateway, "/v1/limits?x=1").status_code == 422


def test_what_only_takes_uploads_is_not_asked_for(gateway):
    answer = gateway.head("/v1/analyses")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, PUT")
    assert gateway.patch("/v1/limits").headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/v1/limits", "/docs", f"/v1/analyses/{UNKNOWN}", "/page/js/main.js"])
def test_nothing_follows_the_head(gateway, path):
    address = urlsplit(str(gateway.base_url))
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(f"HEAD {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    head, end, content = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 ")
    assert b"\r\ncontent-length: " in head
    assert (end, content) == (b"\r\n\r\n", b"")


def test_it_is_counted_as_what_it_is(gateway):
    gateway.head(f"/v1/analyses/{UNKNOWN}")
    labels = (
        'http_request_method="HEAD",http_response_status_code="404",http_route="/v1/analyses/{analysis_id}"'
    )
    assert f"http_server_request_duration_seconds_count{{{labels}}}" in gateway.get("/metrics").text
