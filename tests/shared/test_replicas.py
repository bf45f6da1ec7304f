"""Calls are spread over the replicas behind one name: real servers on two addresses of this machine."""

import asyncio
import contextlib
import socket

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request

from shared.client import ServiceClient
from shared.replicas import ReplicaTransport

ADDRESSES = ("127.0.0.1", "127.0.0.2")


class Replica:
    """A server that can be told to hold its answers back."""

    def __init__(self):
        self.hosts = []
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.app = FastAPI()
        self.app.add_api_route("/", self.answer, methods=["GET", "POST"])

    async def answer(self, request: Request) -> int:
        self.hosts.append(request.headers["host"])
        self.asked.set()
        await self.open.wait()
        return len(await request.body())


@contextlib.asynccontextmanager
async def listening(replica, listener):
    server = uvicorn.Server(uvicorn.Config(replica.app, log_config=None, timeout_graceful_shutdown=1))
    server.capture_signals = contextlib.nullcontext
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        replica.open.set()
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def pair():
    """Two replicas on one port of two addresses; their names resolve without a resolver."""
    with socket.create_server((ADDRESSES[0], 0)) as first:
        port = first.getsockname()[1]
        with socket.create_server((ADDRESSES[1], port)) as second:
            replicas = Replica(), Replica()
            async with listening(replicas[0], first), listening(replicas[1], second):
                yield replicas, f"http://face.test:{port}"


def spread(addresses=ADDRESSES):
    async def resolve(_host, _port):
        return addresses

    return ReplicaTransport(httpx.AsyncHTTPTransport(trust_env=False), resolve=resolve)


async def test_calls_one_after_the_other_alternate_and_keep_the_name():
    async with pair() as ((one, other), url), httpx.AsyncClient(transport=spread()) as client:
        for _ in range(6):
            assert (await client.post(url, content=b"12345")).json() == 5
    assert len(one.hosts) == len(other.hosts) == 3
    assert set(one.hosts) == {url.removeprefix("http://")}


async def test_the_one_with_fewer_calls_under_way_is_chosen():
    async with pair() as ((one, other), url), httpx.AsyncClient(transport=spread()) as client:
        one.open.clear()
        held = asyncio.create_task(client.get(url))
        await one.asked.wait()
        for _ in range(5):
            assert (await client.get(url)).is_success
        assert (len(one.hosts), len(other.hosts)) == (1, 5)
        one.open.set()
        assert (await held).is_success


async def test_an_address_without_connection_is_passed_over():
    async with pair() as ((one, other), url):
        transport = spread(("127.0.0.3", *ADDRESSES))
        async with httpx.AsyncClient(transport=transport) as client:
            for _ in range(4):
                assert (await client.post(url, content=b"1")).json() == 1
    assert len(one.hosts) == len(other.hosts) == 2


async def test_no_address_at_all_is_a_connect_error():
    async with httpx.AsyncClient(transport=spread(())) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://face.test:1")


async def test_a_name_that_is_not_known_is_a_connect_error():
    async def unknown(_host, _port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    transport = ReplicaTransport(httpx.AsyncHTTPTransport(trust_env=False), resolve=unknown)
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://face.test:1")


async def test_addresses_are_asked_for_again_when_they_are_old():
    now, answers = [0.0], [["127.0.0.1"], ["127.0.0.2"]]

    async def resolve(_host, _port):
        return answers.pop(0)

    async with pair() as ((one, other), url):
        transport = ReplicaTransport(
            httpx.AsyncHTTPTransport(trust_env=False), resolve=resolve, clock=lambda: now[0]
        )
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get(url)
            await client.get(url)
            assert (len(one.hosts), len(other.hosts)) == (2, 0)
            now[0] = 5.0
            await client.get(url)
            assert (len(one.hosts), len(other.hosts)) == (2, 1)


async def test_the_client_of_services_reaches_a_name():
    """`localhost` often has an IPv6 address that nobody listens on."""
    async with pair() as ((one, _), url):
        port = url.rpartition(":")[2]
        async with ServiceClient("face", f"http://localhost:{port}") as client:
            assert await client.get("/", seconds=30) == b"0"
    assert one.hosts == [f"localhost:{port}"]


async def test_a_question_of_a_second_does_not_wait_all_of_it_for_one_that_is_gone():
    async with pair() as (_, url):
        port = httpx.URL(url).port
        gone = "127.0.0.3"
        # Whose queue is full takes no connection and says nothing, as a machine that is gone.
        with socket.create_server((gone, port), backlog=0), socket.create_connection((gone, port)):
            async with ServiceClient("face", url, transport=spread((gone, ADDRESSES[0]))) as client:
                for _ in range(3):
                    assert await client.get("/", seconds=1.0) == b"0"
