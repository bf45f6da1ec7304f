"""The limits of a connection, over real sockets: nobody holds one for ever, and every answer can be read."""

import contextlib
import json
import socket
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from shared import http_protocol
from shared.contracts.problems import Problem
from shared.http_protocol import BoundedHttpProtocol
from shared.service import create_service
from shared.settings import ServiceSettings
from tests.servers import serve

PATIENCE = 60.0
# Refused by the application, and by the connection.
REFUSED = ["/refuse", "/full?fps=5"]
CHUNKED = b"POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
# More than the kernel keeps for a reader.
MUCH = 12_000_000


class Full:
    """Refuses one path, whoever asks."""

    path = "/full"

    def refusal(self, method, path, headers):
        return Problem("overloaded", "Full.", retry_after=2) if path == b"/full" else None


@pytest.fixture(scope="module")
def address():
    router = APIRouter()

    @router.post("/refuse")
    async def refuse() -> None:
        raise Problem("overloaded", "Full.", retry_after=2)

    @router.post("/count")
    async def count(request: Request) -> int:
        return len(await request.body())

    @router.post("/much")
    async def much() -> Response:
        return Response(bytes(MUCH))

    @router.post("/endless")
    async def endless() -> StreamingResponse:
        async def pieces():
            while True:
                yield bytes(65_536)

        return StreamingResponse(pieces())

    app = create_service(
        name="trial", title="Trial", description="", settings=ServiceSettings(), routers=[router]
    )
    app.state.front_door.guard = Full()
    with serve(app) as url:
        yield urlsplit(url).hostname, urlsplit(url).port


@contextlib.contextmanager
def connected(address):
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        yield connection


@pytest.fixture
def server_side(monkeypatch):
    """Finds the server's end of a connection."""
    made = {}
    make = BoundedHttpProtocol.connection_made

    def note(protocol, transport):
        make(protocol, transport)
        made[protocol.client] = protocol

    monkeypatch.setattr(BoundedHttpProtocol, "connection_made", note)

    def find(connection):
        wait_until(lambda: connection.getsockname() in made)
        return made[connection.getsockname()]

    return find


def wait_until(happened):
    give_up = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def is_closed(protocol):
    return protocol not in protocol.connections


def read_to_end(connection):
    """All that comes until the server closes."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def read_problem(connection):
    """All that comes until it holds a problem."""
    answer = b""
    while b"remedy" not in answer:
        part = connection.recv(65_536)
        assert part
        answer += part
    return answer


def parsed(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.lower(), json.loads(body)


def problem(answer, status, name):
    found, head, document = parsed(answer)
    assert (found, document["type"]) == (status, f"/problems/{name}")
    assert b"application/problem+json" in head
    assert document["remedy"]
    return head


def request(path, body=b"", *, length=None, headers=""):
    length = len(body) if length is None else length
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{headers}\r\n"
    return head.encode() + body


@pytest.mark.parametrize("what", ["one long header", "many headers", "a long address", "no line at all"])
def test_a_head_without_end_is_refused(address, what):
    start, piece = {
        "one long header": (b"GET /health/live HTTP/1.1\r\nA: ", b"a" * 1000),
        "many headers": (b"GET /health/live HTTP/1.1\r\n", b"A: b\r\n" * 100),
        "a long address": (b"GET /", b"a" * 1000),
        "no line at all": (b"", b"A" * 1000),
    }[what]
    with connected(address) as connection:
        connection.sendall(start)
        with contextlib.suppress(ConnectionError):
            for _ in range(500):
                connection.sendall(piece)
        answer = read_to_end(connection)
    if what == "no line at all":
        problem(answer, 400, "bad-request")
    else:
        problem(answer, 431, "header-too-large")


def test_a_head_behind_a_body_in_one_piece_is_not_too_long(address, server_side):
    with connected(address) as connection:
        protocol = server_side(connection)
        piece = request("/count", bytes(200_000)) + b"POST /count HTTP/1.1\r\nHost: x\r\nA: "
        # A socket may give it in several.
        protocol.loop.call_soon_threadsafe(protocol.data_received, piece)
        assert connection.recv(65_536).endswith(b"200000")
        connection.sendall(b"b\r\nContent-Length: 3\r\n\r\nabc")
        assert connection.recv(65_536).endswith(b"\r\n3")


def test_what_comes_after_a_body_is_thrown_away(address, server_side):
    with connected(address) as connection:
        for _ in range(2):
            connection.sendall(CHUNKED + b"3\r\nabc\r\n0\r\n" + b"late: field\r\n" * 100 + b"\r\n")
            assert connection.recv(65_536).endswith(b"\r\n3")
            assert [name for name, _ in server_side(connection).headers] == [b"host", b"transfer-encoding"]


@pytest.mark.parametrize(
    ("start", "piece"),
    [(b"0\r\n", b"late: field\r\n" * 100), (b"0\r\n", b"a" * 1000), (b"3;", b"a" * 1000)],
    ids=["many trailers", "one long trailer", "the extension of a chunk"],
)
def test_what_is_no_body_is_cut_off(address, server_side, start, piece):
    with connected(address) as connection:
        connection.sendall(CHUNKED + start)
        protocol = server_side(connection)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                connection.sendall(piece)
        wait_until(lambda: is_closed(protocol))
    assert [name for name, _ in protocol.headers] == [b"host", b"transfer-encoding"]


def test_a_head_that_trickles_is_refused(address, monkeypatch):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.3)
    with connected(address) as connection:
        stop = threading.Event()

        def trickle():
            with contextlib.suppress(OSError):
                for byte in b"GET /health/live HTTP/1.1\r\nHeader: " + b"a" * 10_000:
                    connection.sendall(bytes([byte]))
                    if stop.wait(0.02):
                        return

        thread = threading.Thread(target=trickle)
        thread.start()
        answer = read_to_end(connection)
        stop.set()
        thread.join()
    problem(answer, 408, "upload-too-slow")


@pytest.mark.parametrize("said", [b"", b"\r\n\r\n"])
def test_who_says_nothing_is_sent_away(address, monkeypatch, said):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.3)
    with connected(address) as connection:
        connection.sendall(said)
        assert read_to_end(connection) == b""


def test_a_connection_that_is_kept_is_not_cut_by_the_limit_on_heads(address, monkeypatch):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    with connected(address) as connection:
        for _ in range(3):
            connection.sendall(request("/count", b"abc"))
            assert connection.recv(65_536).endswith(b"3")
            time.sleep(0.4)


@pytest.mark.parametrize("path", REFUSED)
@pytest.mark.parametrize("headers", ["", "Connection: close\r\n"])
def test_an_answer_before_the_end_of_the_body_can_be_read(address, headers, path):
    """Closing at once would reset the connection, and the client would lose the answer."""
    body = bytes(20_000_000)
    with connected(address) as connection:
        connection.sendall(request(path, body, headers=headers))
        answer = read_problem(connection)
    head = problem(answer, 503, "overloaded")
    assert b"retry-after: 2" in head
    assert (b"connection: close" in head) == bool(headers)


@pytest.mark.parametrize("path", REFUSED)
def test_a_connection_lives_on_after_a_refused_body(address, path):
    with connected(address) as connection:
        for _ in range(3):
            connection.sendall(request(path, bytes(3_000_000)))
            assert b" 503 " in connection.recv(65_536)
        connection.sendall(request("/count", b"abc"))
        assert connection.recv(65_536).endswith(b"3")


@pytest.mark.parametrize("path", REFUSED)
def test_a_body_that_nobody_wants_is_not_taken_for_ever(address, monkeypatch, path):
    monkeypatch.setattr(http_protocol, "LINGER_SECONDS", 0.3)
    with connected(address) as connection:
        connection.sendall(request(path, b"x", length=1_000_000))
        with pytest.raises(ConnectionError):
            trickle_on(connection)


@pytest.mark.parametrize(
    "asks",
    [
        request("/much", headers="Connection: close\r\n"),
        request("/much"),
        request("/endless", headers="X-Deadline-Ms: 300\r\n"),
        request("/endless", b"x", length=1000, headers="X-Deadline-Ms: 300\r\n"),
        request("/much") + request("/count", headers="X-Deadline-Ms: 300\r\n"),
    ],
    ids=["closed", "kept", "broken off", "broken off within a body", "never begun"],
)
def test_who_does_not_read_is_cut_off(address, server_side, monkeypatch, asks):
    monkeypatch.setattr(http_protocol, "CLOSE_SECONDS", 0.2)
    monkeypatch.setattr(http_protocol, "SLOWEST_READER", MUCH)
    monkeypatch.setattr(http_protocol, "LINGER_SECONDS", 0.2)
    with connected(address) as connection:
        protocol = server_side(connection)
        protocol.timeout_keep_alive = 0.2
        connection.sendall(asks)
        wait_until(lambda: is_closed(protocol))


def test_who_reads_slowly_is_given_the_time(address, monkeypatch):
    monkeypatch.setattr(http_protocol, "CLOSE_SECONDS", 0)
    with connected(address) as connection:
        connection.sendall(request("/much", headers="Connection: close\r\n"))
        _, _, body = read_to_end(connection).partition(b"\r\n\r\n")
    assert len(body) == MUCH


def test_refusals_that_nobody_reads_do_not_heap_up(address, server_side):
    with connected(address) as connection:
        asks = request("/full") * 30_000 + request("/full", headers="Connection: close\r\n")
        asking = threading.Thread(target=connection.sendall, args=[asks])
        asking.start()
        wait_until(lambda: server_side(connection).flow.write_paused)
        answers = read_to_end(connection)
        asking.join()
    assert answers.count(b"HTTP/1.1 ") == 30_001
    # What comes meanwhile waits in the application, which has no such route.
    assert b"HTTP/1.1 404 " in answers


def test_an_upload_behind_another_request_is_given_its_time(address, monkeypatch):
    monkeypatch.setattr(http_protocol, "LINGER_SECONDS", 0.1)
    with connected(address) as connection:
        connection.sendall(request("/count", b"12") + request("/count", b"x", length=2))
        assert connection.recv(65_536).endswith(b"\r\n2")
        time.sleep(0.5)
        connection.sendall(b"y")
        assert connection.recv(65_536).endswith(b"\r\n2")


def trickle_on(connection):
    for _ in range(1000):
        connection.sendall(b"x")
        time.sleep(0.02)


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS greeting\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    ],
    ids=["tls", "version", "address", "negative", "smuggling", "two-lengths"],
)
def test_what_is_not_http_is_refused_with_a_problem(address, said):
    with connected(address) as connection:
        connection.sendall(said)
        problem(read_to_end(connection), 400, "bad-request")


def test_broken_chunks_are_the_end_of_the_connection(address):
    with connected(address) as connection:
        connection.sendall(b"POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert b" 200 " not in read_to_end(connection)


@pytest.mark.parametrize("headers", ["", "Connection: close\r\n"])
def test_broken_chunks_after_the_answer_are_not_answered(address, caplog, headers):
    with connected(address) as connection:
        head = f"POST /refuse HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{headers}\r\n"
        connection.sendall(head.encode())
        read_problem(connection)
        connection.sendall(b"zz\r\n")
        assert read_to_end(connection) == b""
    assert not [record for record in caplog.records if record.name == "asyncio"]


def test_more_connections_than_there_is_room_for(address, monkeypatch):
    monkeypatch.setattr(http_protocol, "most_connections", lambda: 5)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connected(address)) for _ in range(8)]
        head = problem(read_to_end(held[-1]), 503, "overloaded")
        assert b"retry-after" in head


def test_requests_in_one_piece_are_answered_in_order(address):
    with connected(address) as connection:
        connection.sendall(request("/count", b"1") + request("/count", b"22") + request("/count", b"333"))
        answers = b""
        while answers.count(b"HTTP/1.1 200") < 3 or not answers.endswith(b"3"):
            answers += connection.recv(65_536)
    assert answers.index(b"\r\n\r\n1") < answers.index(b"\r\n\r\n2") < answers.index(b"\r\n\r\n3")


def test_a_refusal_by_the_connection_looks_like_one_by_the_application(address):
    found = []
    for path in REFUSED:
        with connected(address) as connection:
            headers = "X-Request-Id: mine-1\r\nConnection: close\r\n"
            connection.sendall(request(path, b"abc", headers=headers))
            status, head, document = parsed(read_to_end(connection))
        names = {line.split(b":")[0] for line in head.split(b"\r\n")[1:]}
        assert b"x-request-id: mine-1" in head
        assert document["request_id"] == "mine-1"
        found.append((status, names - {b"date"}, document))
    assert found[0] == found[1]


def test_refusals_in_one_piece_with_others_are_answered_in_order(address):
    with connected(address) as connection:
        connection.sendall(request("/full", b"1") + request("/count", b"22") + request("/full", b"3"))
        answers = b""
        while answers.count(b"HTTP/1.1 ") < 3 or answers.count(b"remedy") < 2:
            answers += connection.recv(65_536)
    # Behind one that is being answered the application decides, and this one has no such route.
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"503", b"200", b"404"]


def test_who_asks_before_the_body_goes_to_the_application(address):
    """It would not be told to go on, and what it sends next could not be told from a body."""
    with connected(address) as connection:
        connection.sendall(
            request("/full", length=3, headers="Expect: 100-continue\r\nConnection: close\r\n")
        )
        assert b" 404 " in connection.recv(65_536)


def test_a_connection_is_kept_after_a_refusal(address, monkeypatch):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    with connected(address) as connection:
        connection.sendall(request("/full", b"abc"))
        assert b" 503 " in connection.recv(65_536)
        time.sleep(0.6)
        connection.sendall(request("/count", b"abc"))
        assert connection.recv(65_536).endswith(b"3")


def test_what_connections_refuse_is_counted_and_logged_together(address, caplog):
    def refused(name):
        with httpx.Client() as client:
            text = client.get(f"http://{address[0]}:{address[1]}/metrics").text
        line = f'emotion_refusals_total{{problem="{name}"}} '
        return sum(float(each[len(line) :]) for each in text.splitlines() if each.startswith(line))

    def said():
        lines = [record.fields["refused"] for record in caplog.records if "refused by" in record.message]
        return sum(line.get("bad-request", 0) for line in lines)

    before = refused("bad-request"), refused("overloaded")
    with caplog.at_level("INFO", logger="shared.requests"):
        for said_by_client in (b"no HTTP\r\n\r\n", b"\x16\x03\r\n\r\n"):
            with connected(address) as connection:
                connection.sendall(said_by_client)
                problem(read_to_end(connection), 400, "bad-request")
        with connected(address) as connection:
            connection.sendall(request("/full", headers="Connection: close\r\n"))
            problem(read_to_end(connection), 503, "overloaded")
        give_up = time.monotonic() + PATIENCE
        while said() < 2:
            assert time.monotonic() < give_up
            time.sleep(0.02)
    assert (refused("bad-request"), refused("overloaded")) == (before[0] + 2, before[1] + 1)
