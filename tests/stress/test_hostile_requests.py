"""Hostile requests: broken off, slow, contradictory, too much of anything; over raw sockets."""

import contextlib
import socket
import threading

import httpx
import pytest

from tests import media_files
from tests.stress.conftest import MAX_UPLOAD_BYTES
from tests.stress.raw_http import connected, form_part, head, read_answer

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("nothing_left")]
FORM = "multipart/form-data; boundary=b"


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    return media_files.write_picture(tmp_path_factory.mktemp("picture") / "a.jpg", quality=80).read_bytes()


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return media_files.talking_film(tmp_path_factory.mktemp("film") / "a.mp4", seconds=8).read_bytes()


def answer_to(server, *pieces):
    with connected(server.url) as connection:
        # It may answer, and stop listening, before all is sent.
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
        return read_answer(connection)


def refused(answer, status, name):
    assert (answer.status, answer.problem) == (status, name)


def post_form(server, body):
    return answer_to(server, head(content_type=FORM, content_length=len(body)), body)


@pytest.mark.parametrize("part", [0, 0.5, 0.99])
@pytest.mark.parametrize("goodbye", ["closed", "half closed", "reset"])
def test_an_upload_that_is_broken_off(server, client, film, part, goodbye):
    with connected(server.url) as connection:
        connection.sendall(head(content_length=len(film)) + film[: int(len(film) * part)])
        if goodbye == "half closed":
            connection.shutdown(socket.SHUT_WR)
        elif goodbye == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert client.get("/health/live").is_success


def test_clients_that_go_away_while_their_film_is_analysed(server, client, film):
    for _ in range(5):
        with connected(server.url) as connection:
            connection.sendall(head("/v1/analyses?fps=30", content_length=len(film)) + film)
    assert client.post("/v1/analyses", content=film, params={"end": 1}).status_code == 200


@pytest.mark.parametrize("way", ["raw", "form", "chunked"])
def test_one_byte_a_second(server, way):
    start = {
        "raw": head(content_length=100_000),
        "form": head(content_type=FORM, content_length=100_000) + form_part("file", b"")[:-2],
        "chunked": head(transfer_encoding="chunked"),
    }[way]
    piece = b"1\r\nx\r\n" if way == "chunked" else b"x"
    with connected(server.url) as connection:
        over = threading.Event()

        def trickle():
            with contextlib.suppress(OSError):
                while not over.wait(0.5):
                    connection.sendall(piece)

        connection.sendall(start)
        thread = threading.Thread(target=trickle)
        thread.start()
        answer = read_answer(connection)
        over.set()
        thread.join()
    refused(answer, 408, "upload-too-slow")


def test_a_body_that_never_comes(server):
    refused(answer_to(server, head(content_length=1000)), 408, "upload-too-slow")


def test_slow_clients_do_not_hold_up_the_others(server, client, picture):
    limits = client.get("/v1/limits").json()
    places = limits["max_analyses"] + limits["max_waiting"]
    with contextlib.ExitStack() as stack:
        for _ in range(places - 1):
            stack.enter_context(connected(server.url)).sendall(head(content_length=1000) + b"x")
        assert client.post("/v1/analyses", content=picture).status_code == 200


def test_a_chunked_body_over_the_limit(server):
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    pieces = [chunk] * (MAX_UPLOAD_BYTES // 0x10000 + 2)
    refused(answer_to(server, head(transfer_encoding="chunked"), *pieces), 413, "upload-too-large")


def test_a_declared_length_over_the_limit_is_refused_before_a_byte_is_sent(server):
    refused(answer_to(server, head(content_length=MAX_UPLOAD_BYTES + 1)), 413, "upload-too-large")
    expecting = head(content_length=MAX_UPLOAD_BYTES + 1, expect="100-continue")
    refused(answer_to(server, expecting), 413, "upload-too-large")


def test_who_asks_first_is_told_to_go_on(server, picture):
    with connected(server.url) as connection:
        connection.sendall(head(content_length=len(picture), expect="100-continue"))
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(picture)
        assert read_answer(connection).status == 200


def test_more_bytes_than_declared_are_not_part_of_the_upload(server, picture):
    with connected(server.url) as connection:
        connection.sendall(head(content_length=len(picture)) + picture + b"more bytes, out of turn\r\n\r\n")
        assert read_answer(connection).status == 200
        assert connection.recv(1) == b""


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "9" * 30, "5, 6", ""])
def test_lengths_that_are_no_lengths(server, length):
    refused(answer_to(server, head(content_length=length), b"x"), 400, "bad-request")


def test_a_packed_body_is_not_unpacked(server, picture):
    answer = answer_to(server, head(content_encoding="gzip", content_length=20), b"\x1f\x8b" + bytes(18))
    refused(answer, 415, "unsupported-media")


def test_100_fields_in_a_form(server, picture):
    fields = b"".join(form_part(f"field{number}", b"x") for number in range(100))
    refused(post_form(server, fields + form_part("file", picture) + b"--b--\r\n"), 422, "unknown-parameter")
    fields = b"".join(form_part("file", b"") for _ in range(100))
    refused(post_form(server, fields + b"--b--\r\n"), 422, "bad-parameter")


def test_two_files_in_a_form(server, picture):
    body = form_part("file", picture) * 2 + b"--b--\r\n"
    refused(post_form(server, body), 422, "bad-parameter")


def test_a_form_in_a_form(server, picture):
    inner = form_part("file", picture, boundary="c") + b"--c--\r\n"
    nested = form_part("file", inner, more="Content-Type: multipart/form-data; boundary=c\r\n") + b"--b--\r\n"
    refused(post_form(server, nested), 415, "unsupported-media")
    nested = form_part("files", inner, more="Content-Type: multipart/mixed; boundary=c\r\n") + b"--b--\r\n"
    refused(post_form(server, nested), 422, "unknown-parameter")


@pytest.mark.parametrize(
    "disposition",
    [
        'form-data; name="file"; filename="../../../../etc/passwd"',
        'form-data; name="file"; filename="a\\r\\nSet-Cookie: x=1"',
        'form-data; name="file"; filename="' + "a" * 4000 + '"',
        "form-data; name=\"file\"; filename*=UTF-8''%2e%2e%2f%00",
        'form-data; name="file"; filename="\x00\x7f"',
    ],
    ids=["path", "line-break", "long", "encoded", "control"],
)
def test_names_of_files_mean_nothing(server, picture, disposition):
    part = f"--b\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + picture + b"\r\n--b--\r\n"
    answer = post_form(server, part)
    assert answer.status == 200 or answer.problem == "bad-request"
    assert b"passwd" not in answer.body
    assert "cookie" not in answer.head


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "b" * 300,
        'multipart/form-data; boundary="\xff"',
        "multipart/form-data; " * 500,
    ],
    ids=["none", "empty", "long", "odd", "repeated"],
)
def test_boundaries_that_are_none(server, content_type):
    answer = answer_to(server, head(content_type=content_type, content_length=5), b"hello")
    assert answer.status in {400, 422}
    assert answer.problem in {"bad-request", "bad-parameter"}


def test_headers_of_a_part_without_end(server):
    body = b"--b\r\n" + b"A: b\r\n" * 1_000_000
    answer = post_form(server, body)
    assert answer.status in {400, 413}


def test_headers_cannot_be_smuggled_into_answers_or_logs(server):
    answer = answer_to(server, head("/health/live", "GET", x_request_id="a\tb<script>" + "c" * 5000))
    assert answer.status == 200
    assert "<script>" not in answer.head
    assert answer.head.count("x-request-id") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/static-offline-docs/../../../../etc/passwd",
        "/static-offline-docs/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/static-offline-docs/%2e%2e/%2e%2e/app.py",
        "//etc/passwd",
        "/%00",
        "/v1/analyses/..%2f..%2f",
        "/" + "a/" * 5000,
    ],
)
def test_addresses_lead_nowhere_else(server, path):
    answer = answer_to(server, head(path, "GET"))
    assert answer.status in {404, 405}
    assert b"root:" not in answer.body


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "DELETE", "PROPFIND", "OPTIONS"])
def test_other_methods(server, method):
    answer = answer_to(server, head(method=method, content_length=0))
    refused(answer, 405, "method-not-allowed")


@pytest.mark.parametrize(
    "query",
    [
        "fps=" + "9" * 5000,
        "fps=1e999",
        "start=-0.0001",
        "modalities=" + "face," * 2000,
        "&".join(f"a{number}=1" for number in range(3000)),
        "fps=5&fps=6",
        "%00=%ff",
        "strategy=__class__",
        "detail=${jndi:ldap://127.0.0.1/a}",
    ],
)
def test_options_that_are_none(server, picture, query):
    path = f"/v1/analyses?{query}"
    answer = answer_to(server, head(path, content_length=len(picture)), picture)
    assert answer.status == 422
    assert answer.problem in {"bad-parameter", "unknown-parameter"}


@pytest.mark.parametrize("deadline", ["0", "-1", "1e9", "99999999999", "soon"])
def test_deadlines_that_are_none(server, picture, deadline):
    answer = answer_to(server, head(content_length=len(picture), x_deadline_ms=deadline), picture)
    assert answer.problem in {"deadline-exceeded", "bad-parameter"}


def test_the_same_connection_over_and_over(client, picture):
    for content in (b"", b"rubbish", picture, picture[:1000], bytes(9_000_000), picture):
        answer = client.post("/v1/analyses", content=content)
        assert isinstance(answer, httpx.Response)
        assert (answer.status_code == 200) == (content == picture)
