"""Webhooks: signed, tried again, nothing but id and state, and only where they may go."""

import asyncio
import base64
import contextlib
import errno
import http.client
import http.server
import ipaddress
import json
import socket
import threading
import time
from datetime import UTC, datetime

import pytest
from fastapi import Request
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from gateway import callbacks
from gateway.app import create_app
from gateway.callers import Caller
from gateway.jobs.book import WEBHOOK, JobBook
from gateway.jobs.database import open_database
from gateway.jobs.public_addresses import AddressRefusedError, is_public, resolve
from gateway.jobs.settings import WebhookSettings
from gateway.jobs.webhooks import Webhooks
from gateway.preferences import Preference
from gateway.settings import GatewaySettings
from shared.contracts.jobs import JobState
from shared.contracts.problems import Problem
from tests.jobs.gateway_process import GatewayProcess, eventually

SECRET = "whsec_" + base64.b64encode(b"a secret of the tests, 32 bytes!").decode()


class Receiver:
    """Somebody who is called; answers with `statuses` in turn, then with 204."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.calls.append((self.path, headers, body))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 204)
                self.send_header("location", "/redirected")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def receiver():
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()


@contextlib.contextmanager
def calling_gateway(house, folder, **settings):
    gateway = GatewayProcess(
        house,
        folder / "data",
        folder / "gateway.log",
        webhooks__secret=SECRET,
        webhooks__private_addresses="true",
        **settings,
    )
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


@pytest.fixture(scope="module")
def calling(house, tmp_path_factory):
    folder = tmp_path_factory.mktemp("calling")
    with calling_gateway(house, folder, webhooks__first_pause_seconds=0.2, webhooks__attempts=4) as gateway:
        yield gateway


def hand_in(gateway, film, url):
    answer = gateway.client.post(
        "/v1/analyses?detail=summary",
        params={"callback_url": url},
        content=film,
        headers={"prefer": "respond-async"},
    )
    assert answer.status_code == 202, answer.text
    return answer.headers["location"]


def test_a_call_is_signed_and_holds_id_and_state_only(calling, receiver, film):
    location = hand_in(calling, film, f"{receiver.url}/hook?for=me")
    eventually(lambda: receiver.calls, "it is called")
    path, headers, body = receiver.calls[0]
    assert path == "/hook?for=me"
    told = Webhook(SECRET).verify(body.decode(), headers)
    assert told["type"] == "analysis.succeeded"
    assert told["data"] == {"id": location.rpartition("/")[2], "state": "succeeded"}
    assert set(told) == {"type", "timestamp", "data"}
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.decode().replace("succeeded", "failed"), headers)
    assert calling.client.get(location).json()["state"] == "succeeded", "what is told was stored before"


def test_it_is_tried_again_with_the_same_id_and_not_redirected(calling, receiver, film):
    receiver.statuses = [500, 302, 410]
    location = hand_in(calling, film, f"{receiver.url}/hook")
    eventually(lambda: len(receiver.calls) == 4, "it is taken in the end")
    assert {path for path, _, _ in receiver.calls} == {"/hook"}
    assert len({headers["webhook-id"] for _, headers, _ in receiver.calls}) == 1
    job = calling.client.get(location).json()
    told = {json.loads(body)["timestamp"] for _, _, body in receiver.calls}
    assert {datetime.fromisoformat(when) for when in told} == {datetime.fromisoformat(job["finished_at"])}


def test_failed_and_cancelled_are_told_too(calling, receiver, long_film):
    hand_in(calling, b"rubbish", f"{receiver.url}/failed")
    location = hand_in(calling, long_film, f"{receiver.url}/cancelled")
    assert calling.client.delete(location).status_code == 204
    eventually(lambda: len(receiver.calls) >= 2, "both are called")
    told = {path: json.loads(body)["type"] for path, _, body in receiver.calls}
    assert told == {"/failed": "analysis.failed", "/cancelled": "analysis.cancelled"}


@contextlib.contextmanager
def opened_book(folder):
    database = open_database("", folder / "data")
    book = JobBook(database)
    try:
        yield book
    finally:
        book.close()
        database.close()


def test_only_the_first_end_of_a_job_is_told(tmp_path):
    """Where it is cancelled as it ends, both the worker and the request have something to tell."""
    with opened_book(tmp_path) as book:
        for state in (JobState.SUCCEEDED, JobState.CANCELLED, JobState.SUCCEEDED):
            book.call_webhook("https://example.org/", "an_1", state, lane="key:1")
        book.call_webhook("https://example.org/", "an_2", JobState.CANCELLED, lane="key:1")
        stored = book._client.list_workflows(name=WEBHOOK)
    told = [status.input["args"][1:3] for status in stored]
    assert told == [("an_1", "succeeded"), ("an_2", "cancelled")]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/\x01", "http://127.0.0.1:9/a\x7fb", "http://[::1"])
def test_what_cannot_be_called_is_not_taken(url):
    webhooks = Webhooks(WebhookSettings(secret=SECRET, private_addresses=True))
    assert webhooks.deliver(url, "an_1", JobState.SUCCEEDED, datetime.now(UTC)) is False


def test_a_call_without_a_secret_to_sign_with_is_told_in_the_log(log_lines):
    webhooks = Webhooks(WebhookSettings())
    assert webhooks.deliver("https://example.org/", "an_1", JobState.SUCCEEDED, datetime.now(UTC)) is False
    assert [(line["job"], line["why"]) for line in log_lines] == [("an_1", "no secret")]


def test_a_call_survives_the_gateway(calling, receiver, film):
    receiver.statuses = [503]
    hand_in(calling, film, f"{receiver.url}/hook")
    eventually(lambda: receiver.calls, "it was tried once")
    calling.kill()
    calling.start()
    eventually(lambda: len(receiver.calls) >= 2, "it is tried again after a restart")


def test_a_call_that_a_death_broke_off_is_made_again_under_its_id(house, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent, calling_gateway(house, tmp_path) as gateway:
        silent.settimeout(60)
        hand_in(gateway, b"rubbish", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        ids = []
        for _ in range(2):
            connection, _ = silent.accept()
            with connection, connection.makefile("rb") as call:
                assert call.readline() == b"POST / HTTP/1.1\r\n"
                headers = {name.lower(): value for name, value in http.client.parse_headers(call).items()}
                Webhook(SECRET).verify(call.read(int(headers["content-length"])).decode(), headers)
                ids.append(headers["webhook-id"])
                gateway.kill()
            gateway.start()
    assert ids[0] == ids[1]


def test_what_is_erased_is_forgotten_with_its_calls(house, tmp_path, receiver):
    with (
        calling_gateway(house, tmp_path, webhooks__first_pause_seconds=3600) as gateway,
        opened_book(tmp_path) as book,
    ):
        receiver.statuses = [500]
        location = hand_in(gateway, b"rubbish", f"{receiver.url}/hook")

        def calls():
            return [call.status for call in book._client.list_workflows(name=WEBHOOK)]

        eventually(lambda: calls() == ["SUCCESS", "DELAYED"], "it was called in vain")
        assert gateway.client.delete(location).status_code == 204
        assert calls() == []


def test_a_cancellation_is_told_though_the_gateway_died_over_it(house, tmp_path, receiver, film):
    with calling_gateway(house, tmp_path, jobs__worker="none") as gateway:
        location = hand_in(gateway, film, f"{receiver.url}/hook")
    with opened_book(tmp_path) as book:
        # So far had the gateway come with a DELETE.
        asyncio.run(book.cancel(location.rpartition("/")[2]))
    with calling_gateway(house, tmp_path):
        eventually(lambda: receiver.calls, "it is called")
        assert json.loads(receiver.calls[0][2])["type"] == "analysis.cancelled"
        eventually(lambda: not list((tmp_path / "data").rglob("upload-*")), "the upload goes")


def test_who_is_never_there_keeps_nobody_from_being_called(house, tmp_path, receiver):
    with calling_gateway(house, tmp_path, webhooks__first_pause_seconds=3600) as gateway:
        receiver.statuses = [500] * 20
        for number in range(20):
            hand_in(gateway, b"rubbish", f"{receiver.url}/dead/{number}")
        eventually(lambda: len(receiver.calls) == 20, "all were called in vain")
        hand_in(gateway, b"rubbish", f"{receiver.url}/alive")
        eventually(lambda: receiver.calls[-1][0] == "/alive", "the next one is called")


def test_receivers_of_one_caller_that_never_answer_leave_places_to_others(house, tmp_path, receiver):
    # Nobody in the crowd ever gives a place back.
    with (
        opened_book(tmp_path) as book,
        socket.create_server(("127.0.0.1", 0), backlog=100) as silent,
        calling_gateway(house, tmp_path, webhooks__seconds=3600, shutdown_seconds=1),
    ):
        silent.settimeout(60)
        for number in range(40):
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            book.call_webhook(url, f"an_{number}", JobState.FAILED, lane="key:crowd")
        held = [silent.accept()[0] for _ in range(4)]
        book.call_webhook(receiver.url, "an_other", JobState.FAILED, lane="key:other")
        eventually(lambda: receiver.calls, "the other is called")
        for connection in held:
            connection.close()


@pytest.mark.parametrize(
    ("begin", "piece", "end"),
    [
        (b"HTTP/1.1 204 No Content\r\nx: ", b"a", b"\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ],
    ids=["a header", "early hints"],
)
def test_a_call_ends_with_its_time_whatever_trickles_in(begin, piece, end):
    hung_up = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle():
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(begin)
                # Twenty times as long as the call may take.
                for _ in range(100):
                    connection.sendall(piece)
                    if hung_up.wait(0.1):
                        return
                connection.sendall(end)

        thread = threading.Thread(target=trickle)
        thread.start()
        webhooks = Webhooks(WebhookSettings(secret=SECRET, private_addresses=True, seconds=0.5))
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        taken = webhooks.deliver(url, "an_1", JobState.SUCCEEDED, datetime.now(UTC))
        hung_up.set()
        thread.join()
    assert taken is False


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:8000/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://172.16.0.1/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://[fec0::1]/",
        "http://[feff:ffff::1]/",
        "http://224.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "ftp://example.org/",
        "http:///x",
        "http://user:secret@93.184.216.34/",
        "http://@93.184.216.34/",
        "http://:@93.184.216.34/",
        "http://93.184.216.34:99999/",
    ],
)
def test_where_nobody_is_called(url):
    with pytest.raises(AddressRefusedError):
        resolve(url, private=False)


def test_a_name_is_resolved_once_and_called_at_that_address(monkeypatch):
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    monkeypatch.setattr(
        "socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", (address, 443)) for address in answers.pop(0)]
    )
    target = resolve("https://example.org/hook?a=b#c", private=False)
    assert target.url == "https://93.184.216.34:443/hook?a=b"
    assert (target.host, target.name) == ("example.org", "example.org")
    with pytest.raises(AddressRefusedError):
        resolve("https://example.org/hook", private=False)


def test_one_private_address_spoils_a_name(monkeypatch):
    found = [(2, 1, 6, "", ("93.184.216.34", 443)), (2, 1, 6, "", ("10.1.1.1", 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    with pytest.raises(AddressRefusedError):
        resolve("https://example.org/", private=False)


def test_public_addresses_are_public():
    for text in ("93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946"):
        assert is_public(ipaddress.ip_address(text))


@contextlib.contextmanager
def without_private_addresses(house, folder):
    gateway = GatewayProcess(house, folder / "data", folder / "log", webhooks__secret=SECRET)
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


@pytest.mark.parametrize("end", ["\x01", "\n", "\x7f", "a b", "é"])
def test_a_callback_with_what_no_address_has_is_refused_at_once(calling, receiver, film, end):
    answer = calling.client.post(
        "/v1/analyses",
        params={"callback_url": f"{receiver.url}/{end}"},
        content=film,
        headers={"prefer": "respond-async"},
    )
    assert (answer.status_code, answer.json().get("field")) == (422, "callback_url")


def test_a_private_callback_is_refused_at_once(house, tmp_path, receiver, film):
    with without_private_addresses(house, tmp_path) as gateway:
        answer = gateway.client.post(
            "/v1/analyses",
            params={"callback_url": f"{receiver.url}/hook"},
            content=film,
            headers={"prefer": "respond-async"},
        )
    assert answer.status_code == 422
    assert answer.json()["field"] == "callback_url"
    assert not receiver.calls


def asked(app, host, *, caller="address:192.0.2.1"):
    """What becomes of a `callback_url` of this host."""
    request = Request({"type": "http", "app": app, "headers": [], "query_string": b""})
    return callbacks.read_callback(
        request, Preference(respond_async=True), Caller(id=caller, owns="anybody"), f"https://{host}/"
    )


@pytest.fixture
def app():
    return create_app(GatewaySettings(webhooks=WebhookSettings(secret=SECRET)))


FOUND = [(2, 1, 6, "", ("93.184.216.34", 443))]


async def test_a_name_server_that_does_not_answer_keeps_nobody_waiting(app, monkeypatch):
    answered = threading.Event()

    def look_up(host, *_, **__):
        if host.startswith("silent"):
            answered.wait(60)
        return FOUND

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(callbacks, "_LOOK_UP_SECONDS", 0.5)
    try:
        calls = [asked(app, f"silent{number}.example") for number in range(40)]
        refused = await asyncio.gather(*calls, return_exceptions=True)
        assert {(problem.name, problem.field, problem.retry_after) for problem in refused} == {
            ("service-unavailable", "callback_url", 5)
        }
        # Their threads are still held: somebody else has some of his own.
        monkeypatch.setattr(callbacks, "_LOOK_UP_SECONDS", 30)
        assert await asked(app, "good.example", caller="address:192.0.2.2") == "https://good.example/"
        # The threads that uploads use are free.
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 10) == "free"
        answered.set()
        assert await asked(app, "silent.example") == "https://silent.example/"
    finally:
        answered.set()


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no such host"), "bad-parameter"),
        (socket.gaierror(socket.EAI_NODATA, "no address"), "bad-parameter"),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), "service-unavailable"),
        (socket.gaierror(socket.EAI_FAIL, "refused"), "service-unavailable"),
        (OSError(errno.EMFILE, "no more files"), "service-unavailable"),
    ],
)
async def test_only_a_host_that_is_not_there_is_a_bad_parameter(app, monkeypatch, error, name):
    def look_up(*_, **__):
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(Problem) as refused:
        await asked(app, "host.example")
    assert (refused.value.name, refused.value.field) == (name, "callback_url")


def test_a_call_ends_with_its_time_though_no_name_server_answers(monkeypatch):
    answered = threading.Event()

    def look_up(*_, **__):
        answered.wait(60)
        return FOUND

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    webhooks = Webhooks(WebhookSettings(secret=SECRET, seconds=0.5))
    try:
        url = "https://silent.example/"
        began = time.monotonic()
        assert webhooks.deliver(url, "an_1", JobState.SUCCEEDED, datetime.now(UTC)) is False
        assert time.monotonic() - began < 30
    finally:
        answered.set()
