"""When a call is sent again, and when not; over a transport with a script."""

from collections.abc import AsyncIterator

import httpx
import pytest

from emotion_client import AsyncClient, ProblemError, ServerUnreachableError, UnexpectedAnswerError
from emotion_client.calls import Call, Patience, send
from shared.contracts.problems import Problem

QUICK = Patience(attempts=3, longest_pause=1, first_pause=0)


def refusal(name: str, retry_after: str | None = None) -> httpx.Response:
    problem = Problem(name, "No.")
    headers = {"content-type": "application/problem+json"}
    if retry_after is not None:
        headers["retry-after"] = retry_after
    return httpx.Response(problem.status, content=problem.document("r1").model_dump_json(), headers=headers)


class Scripted(httpx.AsyncBaseTransport):
    """Answers as the script says, and keeps what was sent."""

    def __init__(self, *script: httpx.Response | Exception) -> None:
        self.script = list(script)
        self.requests: list[tuple[httpx.Request, bytes]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append((request, await request.aread()))
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


async def sent(transport: Scripted, *, repeatable: bool = True, patience: Patience = QUICK) -> httpx.Response:
    async with httpx.AsyncClient(transport=transport, base_url="http://emotion") as http:
        return await send(http, Call("POST", "/v1/x", repeatable=repeatable), patience)


@pytest.mark.parametrize("name", ["overloaded", "too-many-requests", "not-ready"])
async def test_what_was_not_done_is_sent_again(name: str) -> None:
    transport = Scripted(refusal(name, "0"), refusal(name), httpx.Response(200, text="yes"))
    assert (await sent(transport, repeatable=False)).text == "yes"
    assert len(transport.requests) == 3


async def test_a_connection_that_broke_is_made_again_only_where_that_is_safe() -> None:
    broken = httpx.ReadError("broken")
    assert (await sent(Scripted(broken, httpx.Response(204)))).status_code == 204
    transport = Scripted(broken, httpx.Response(204))
    with pytest.raises(ServerUnreachableError, match="broke"):
        await sent(transport, repeatable=False)
    assert len(transport.requests) == 1


async def test_a_connection_that_was_never_made_is_tried_again() -> None:
    transport = Scripted(httpx.ConnectError("no"), httpx.Response(204))
    assert (await sent(transport, repeatable=False)).status_code == 204


async def test_it_gives_up_in_the_end() -> None:
    transport = Scripted(*(refusal("overloaded", "0") for _ in range(5)))
    with pytest.raises(ProblemError) as error:
        await sent(transport)
    assert (error.value.name, error.value.retry_after) == ("overloaded", 0)
    assert len(transport.requests) == QUICK.attempts


async def test_a_pause_that_is_too_long_is_not_made() -> None:
    transport = Scripted(refusal("overloaded", "3600"), httpx.Response(204))
    with pytest.raises(ProblemError) as error:
        await sent(transport)
    assert error.value.retry_after == 3600
    assert len(transport.requests) == 1


@pytest.mark.parametrize("name", ["unsupported-media", "internal-error", "deadline-exceeded", "unauthorized"])
async def test_other_problems_are_raised_at_once(name: str) -> None:
    transport = Scripted(refusal(name), httpx.Response(204))
    with pytest.raises(ProblemError) as error:
        await sent(transport)
    assert error.value.name == name
    assert error.value.document.request_id == "r1"
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, text="nope"),
        httpx.Response(500, content=b"{}", headers={"content-type": "application/problem+json"}),
    ],
)
async def test_an_error_of_something_else_says_so(answer: httpx.Response) -> None:
    with pytest.raises(UnexpectedAnswerError, match="without saying why"):
        await sent(Scripted(answer))


class Garbled(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"this is not what gzip makes"


async def test_an_answer_that_cannot_be_unpacked_is_no_error_of_a_library() -> None:
    headers = {"content-encoding": "gzip", "content-type": "text/event-stream"}
    garbled = (httpx.Response(200, headers=headers, stream=Garbled()) for _ in range(2))
    async with AsyncClient(transport=Scripted(*garbled)) as client:
        with pytest.raises(UnexpectedAnswerError, match="cannot be unpacked"):
            await client.models()
        with pytest.raises(UnexpectedAnswerError):
            await client.wait("an_1")


async def test_an_upload_is_sent_whole_each_time() -> None:
    told: list[tuple[int, int]] = []
    transport = Scripted(refusal("overloaded", "0"), refusal("unsupported-media"))
    media = bytes(600_000)
    async with AsyncClient(transport=transport, patience=QUICK, api_key="emo_secret") as client:
        with pytest.raises(ProblemError):
            await client.analyze(media, on_upload=lambda *at: told.append(at), fps=2, modalities=["face"])
    assert [body for _, body in transport.requests] == [media, media]
    request = transport.requests[0][0]
    assert request.headers["content-length"] == "600000"
    assert request.headers["authorization"] == "Bearer emo_secret"
    assert dict(request.url.params) == {"fps": "2", "modalities": "face"}
    assert told[-1] == (600_000, 600_000)


async def test_nothing_is_sent_of_what_is_too_large() -> None:
    media = bytes(40 << 20)
    room, none = ({"max_upload_bytes": limit, "more": 1} for limit in (40 << 20, 1024))
    limits = (httpx.Response(200, json=one) for one in (none, none, room))
    transport = Scripted(*limits, refusal("unsupported-media"))
    async with AsyncClient(transport=transport, patience=QUICK) as client:
        for upload in (client.analyze, client.submit):
            with pytest.raises(ProblemError, match="longer than 1024 bytes") as error:
                await upload(media)
            assert (error.value.name, error.value.document.status) == ("upload-too-large", 413)
        with pytest.raises(ProblemError, match="No"):
            await client.analyze(media)
    assert [len(body) for _, body in transport.requests] == [0, 0, 0, 40 << 20]
    assert {request.url.path for request, _ in transport.requests[:3]} == {"/v1/limits"}


async def test_a_job_is_handed_in_under_one_key() -> None:
    broken = httpx.ReadError("broken")
    transport = Scripted(broken, refusal("unsupported-media"))
    async with AsyncClient(transport=transport, patience=QUICK) as client:
        with pytest.raises(ProblemError):
            await client.submit(b"media")
    first, second = (request.headers["idempotency-key"] for request, _ in transport.requests)
    assert first == second


@pytest.mark.parametrize("job_id", ["../models", "an_1/events", "an_1?x", "", "é"])
async def test_only_an_id_becomes_part_of_an_address(job_id: str) -> None:
    async with AsyncClient(transport=Scripted()) as client:
        with pytest.raises(ProblemError, match="not the id of a job") as error:
            await client.job(job_id)
    assert (error.value.name, error.value.document.field) == ("bad-parameter", "job_id")


def stream(*events: str) -> httpx.Response:
    text = "".join(f"id: {number}\ndata: {event}\n\n" for number, event in enumerate(events))
    return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})


async def test_a_stream_that_is_full_for_now_is_asked_for_again_where_it_broke() -> None:
    started, cancelled = '{"event": "started", "attempt": 1}', '{"event": "cancelled"}'
    transport = Scripted(
        httpx.ReadError("broken"),
        stream(started),
        refusal("overloaded", "0"),
        refusal("not-ready"),
        stream(cancelled),
    )
    async with AsyncClient(transport=transport, patience=QUICK) as client:
        assert [event.event async for event in client.events("an_1")] == ["started", "cancelled"]
    seen = [request.headers.get("last-event-id") for request, _ in transport.requests]
    assert seen == [None, None, "0", "0", "0"]


async def test_what_the_server_sends_so_that_the_line_is_not_quiet_is_no_event() -> None:
    events = stream('{"event": "started", "attempt": 1}', '{"event": "cancelled"}').text
    first, last = events.split("\n\n", 1)
    quiet = httpx.Response(
        200,
        text=f": ping\r\n\r\n{first}\n\n: ping\r\n\r\n: ping\r\n\r\n{last}",
        headers={"content-type": "text/event-stream"},
    )
    async with AsyncClient(transport=Scripted(quiet), patience=QUICK) as client:
        assert [event.event async for event in client.events("an_1")] == ["started", "cancelled"]


async def test_a_stream_that_is_refused_is_not_asked_for_again() -> None:
    transport = Scripted(refusal("not-found"), stream())
    async with AsyncClient(transport=transport, patience=QUICK) as client:
        with pytest.raises(ProblemError, match="No"):
            await anext(client.events("an_1"))
    assert len(transport.requests) == 1


async def test_a_stream_that_stays_away_is_given_up() -> None:
    transport = Scripted(*(httpx.ReadError("broken") for _ in range(5)))
    async with AsyncClient(transport=transport, patience=QUICK) as client:
        with pytest.raises(ServerUnreachableError, match="broke"):
            await anext(client.events("an_1"))
    assert len(transport.requests) == QUICK.attempts


async def test_where_it_has_moved_to_is_said_and_no_secret_with_it() -> None:
    moved = httpx.Response(308, headers={"location": "https://elsewhere/v1/models?token=hidden"})
    wrong = httpx.Response(404)
    async with AsyncClient("http://me:hidden@emotion", transport=Scripted(moved, wrong)) as client:
        with pytest.raises(UnexpectedAnswerError, match="308 that it is at https://elsewhere/") as one:
            await client.models()
        with pytest.raises(UnexpectedAnswerError, match="http://emotion/v1/models answered 404") as other:
            await client.models()
    assert "hidden" not in f"{one.value} {other.value}"


async def test_a_connection_that_a_proxy_did_not_make_is_tried_again() -> None:
    refused = httpx.ProxyError("403 Forbidden")
    assert (await sent(Scripted(refused, httpx.Response(204)), repeatable=False)).status_code == 204
    with pytest.raises(ServerUnreachableError, match="the proxy makes no connection: 403 Forbidden"):
        await sent(Scripted(refused, refused, refused))
