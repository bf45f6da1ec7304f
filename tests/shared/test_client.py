"""The inner client against small real services."""

import asyncio
import contextlib
import threading

import httpx
import pytest
from fastapi import APIRouter, Request

from shared.breaker import Breaker
from shared.client import ServiceClient, ServiceDownError
from shared.contracts.problems import Problem
from shared.deadlines import Deadline, current_deadline
from shared.request_context import current_request_id
from shared.service import create_service
from shared.settings import ServiceSettings


class Counting:
    """How often each address was called."""

    def __init__(self):
        self.calls = []


@contextlib.asynccontextmanager
async def client_of(attempts=2, breaker=None):
    counting = Counting()
    router = APIRouter(prefix="/v1")

    @router.post("/echo")
    async def echo(request: Request) -> dict[str, str]:
        counting.calls.append("echo")
        return {"id": request.headers.get("x-request-id", ""), "trace": request.headers["traceparent"]}

    @router.post("/busy-once")
    async def busy_once() -> str:
        counting.calls.append("busy")
        if len(counting.calls) == 1:
            raise Problem("overloaded", "Full.", retry_after=1)
        return "done"

    @router.post("/refuses")
    async def refuses() -> None:
        counting.calls.append("refuses")
        raise Problem("bad-parameter", "No.", field="profile")

    @router.post("/faulty")
    async def faulty() -> None:
        counting.calls.append("faulty")
        raise RuntimeError("broken")

    @router.post("/slow")
    async def slow() -> None:
        counting.calls.append("slow")
        await asyncio.sleep(30)

    app = create_service(
        name="inner", title="Inner", description="", settings=ServiceSettings(), routers=[router]
    )
    async with (
        app.router.lifespan_context(app),
        ServiceClient(
            "inner", "http://inner", transport=httpx.ASGITransport(app), attempts=attempts, breaker=breaker
        ) as client,
    ):
        await asyncio.sleep(0)
        yield client, counting


def post(client, path, seconds=5.0):
    return client.post(path, b"", media_type="application/octet-stream", seconds=seconds)


async def test_request_id_and_trace_travel():
    token = current_request_id.set("outer-1")
    try:
        async with client_of() as (client, _):
            assert b'"id":"outer-1"' in await post(client, "/v1/echo")
    finally:
        current_request_id.reset(token)


async def test_a_busy_service_is_asked_once_more():
    async with client_of() as (client, counting):
        assert await post(client, "/v1/busy-once") == b'"done"'
        assert len(counting.calls) == 2


async def test_a_call_waits_while_the_networks_load():
    may_load = threading.Event()

    class UntilRefused(httpx.ASGITransport):
        async def handle_async_request(self, request):
            answer = await super().handle_async_request(request)
            if answer.status_code == 503:
                may_load.set()
            return answer

    def load(_):
        may_load.wait(60)
        return ()

    router = APIRouter()

    @router.post("/work")
    async def work() -> str:
        return "done"

    app = create_service(
        name="inner", title="Inner", description="", settings=ServiceSettings(), routers=[router], load=load
    )
    inner = ServiceClient("inner", "http://inner", transport=UntilRefused(app), attempts=1)
    async with app.router.lifespan_context(app), inner as client:
        assert await post(client, "/work", seconds=60) == b'"done"'
        assert may_load.is_set()


async def test_a_refusal_comes_back_as_the_same_problem_and_is_not_repeated():
    async with client_of() as (client, counting):
        with pytest.raises(Problem, match=r"No\.") as caught:
            await post(client, "/v1/refuses")
        assert caught.value.field == "profile"
        assert counting.calls == ["refuses"]


async def test_a_fault_is_not_repeated_and_counts_as_failing():
    async with client_of() as (client, counting):
        with pytest.raises(ServiceDownError) as caught:
            await post(client, "/v1/faulty")
        assert caught.value.reason == "failing"
        assert counting.calls == ["faulty"]


async def test_one_deadline_over_everything():
    async with client_of() as (client, counting):
        token = current_deadline.set(Deadline.after(0.1))
        try:
            with pytest.raises(ServiceDownError) as caught:
                await post(client, "/v1/slow", seconds=60)
        finally:
            current_deadline.reset(token)
        assert caught.value.reason == "late"
        assert counting.calls == ["slow"]


@pytest.mark.parametrize(("outer", "opened"), [(0.05, False), (None, True)])
async def test_only_a_service_that_had_its_time_is_late(outer, opened):
    breaker = Breaker(failures=2)
    async with client_of(breaker=breaker) as (client, _):
        token = current_deadline.set(None if outer is None else Deadline.after(outer))
        try:
            for _ in range(3):
                with pytest.raises(ServiceDownError):
                    await post(client, "/v1/slow", seconds=0.1)
        finally:
            current_deadline.reset(token)
    assert breaker.is_open is opened


async def answer_slowly(reader, writer):
    """A service on a socket: a second for each answer, none for `/fast`."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0 if b"/fast" in head else 1)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await writer.drain()
    writer.close()


async def test_a_call_that_is_late_and_cancelled_at_once_loses_no_connection():
    server = await asyncio.start_server(answer_slowly, "127.0.0.1", 0)
    address = "http://{}:{}".format(*server.sockets[0].getsockname())
    calm = Breaker(failures=999)
    async with server, ServiceClient("inner", address, connections=2, breaker=calm) as client:
        for number in range(40):
            call = asyncio.create_task(post(client, "/slow", seconds=0.05))
            # The deadline and the caller come at nearly the same moment, in either order.
            await asyncio.sleep(0.05 + (number % 8 - 4) * 0.0003)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        assert await post(client, "/fast", seconds=5) == b"ok"


async def test_nobody_listening_is_unreachable():
    async with ServiceClient("inner", "http://127.0.0.1:9", attempts=1) as client:
        with pytest.raises(ServiceDownError) as caught:
            await post(client, "/v1/echo")
        assert caught.value.reason == "unreachable"


async def test_an_open_breaker_fails_at_once():
    now = [0.0]
    breaker = Breaker(failures=2, seconds=10, clock=lambda: now[0])
    async with client_of(breaker=breaker) as (client, counting):
        for _ in range(2):
            with pytest.raises(ServiceDownError):
                await post(client, "/v1/faulty")
        with pytest.raises(ServiceDownError) as caught:
            await post(client, "/v1/echo")
        assert caught.value.reason == "breaker-open"
        assert "echo" not in counting.calls
        now[0] = 11
        await post(client, "/v1/echo")
        await post(client, "/v1/echo")
        assert counting.calls.count("echo") == 2


def test_a_breaker_lets_one_trial_through_at_a_time():
    now = [0.0]
    breaker = Breaker(failures=1, seconds=10, clock=lambda: now[0])
    breaker.failed()
    assert not breaker.allows()
    now[0] = 10
    assert breaker.allows()
    assert not breaker.allows()
    breaker.succeeded()
    assert breaker.allows()
