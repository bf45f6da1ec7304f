import asyncio

import pytest

from gateway.admission import Admission
from gateway.early_refusal import FullHouse, RefuseWhenFull
from shared.contracts.problems import Problem


async def test_so_many_run_a_few_wait_and_the_rest_is_refused():
    admission = Admission(running=2, waiting=1)
    running, most = 0, 0
    gate = asyncio.Event()

    async def visit():
        nonlocal running, most
        async with admission.enter(), admission.turn():
            running += 1
            most = max(most, running)
            await gate.wait()
            running -= 1

    visits = [asyncio.create_task(visit()) for _ in range(3)]
    await asyncio.sleep(0.01)
    with pytest.raises(Problem) as caught:
        await visit()
    assert caught.value.name == "overloaded"
    assert caught.value.retry_after
    gate.set()
    await asyncio.gather(*visits)
    assert most == 2
    await visit()


async def test_a_cancelled_visitor_gives_its_place_back():
    admission = Admission(running=1, waiting=0)

    async def visit():
        async with admission.enter(), admission.turn():
            await asyncio.sleep(60)

    for _ in range(5):
        task = asyncio.create_task(visit())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with admission.enter(), admission.turn():
        pass


async def test_when_full_a_request_is_refused_before_anybody_looks_at_it():
    asked = []

    async def inner(scope, receive, send):
        asked.append(scope["method"])

    admission = Admission(running=1, waiting=0)
    guard = RefuseWhenFull(inner, admission=admission, path="/v1/analyses")

    def scope(method, path="/v1/analyses", headers=()):
        return {"type": "http", "method": method, "path": path, "headers": list(headers)}

    await guard(scope("POST"), None, None)
    async with admission.enter():
        for method in ("POST", "PUT"):
            with pytest.raises(Problem) as caught:
                await guard(scope(method), None, None)
            assert (caught.value.name, caught.value.retry_after) == ("overloaded", 2)
        await guard(scope("GET"), None, None)
        await guard(scope("POST", "/v1/other"), None, None)
        await guard(scope("POST", headers=[(b"prefer", b"respond-async")]), None, None)
    await guard(scope("PUT"), None, None)
    assert asked == ["POST", "GET", "POST", "POST", "PUT"]


async def test_when_full_the_connection_refuses_uploads_and_nothing_else():
    admission = Admission(running=1, waiting=0)
    guard = FullHouse(admission, "/v1/analyses")

    def refusal(method=b"POST", path=b"/v1/analyses", *headers):
        return guard.refusal(method, path, headers)

    assert refusal() is None
    async with admission.enter():
        for method in (b"POST", b"PUT"):
            problem = refusal(method)
            assert (problem.name, problem.retry_after) == ("overloaded", 2)
        assert refusal(b"GET") is refusal(b"POST", b"/v1/other") is None
        # For these the answer has more in it.
        assert refusal(b"POST", b"/v1/analyses", (b"prefer", b"respond-async")) is None
        assert refusal(b"POST", b"/v1/analyses", (b"origin", b"https://example.org")) is None
    assert refusal() is None
