"""A service whose threads hang does not say that it is well."""

import asyncio
import contextlib
import threading

import httpx
from fastapi import APIRouter, Request

from shared.service import create_service
from shared.settings import ServiceSettings


@contextlib.asynccontextmanager
async def service_that_can_hang(threads: int, hang_seconds: float):
    """Give a client, and what lets go the calls that hang."""
    may_end = threading.Event()
    router = APIRouter()

    @router.get("/hang")
    async def hang(request: Request) -> bool:
        return await request.app.state.pool.run(may_end.wait)

    app = create_service(
        name="trial",
        title="Trial",
        description="",
        settings=ServiceSettings(threads=threads, request_seconds=0.2, hang_seconds=hang_seconds),
        routers=[router],
        load=lambda _: (),
    )
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://trial") as client,
    ):
        await eventually(client, ready=200, threads="ready")
        try:
            yield client, may_end
        finally:
            may_end.set()


async def eventually(client: httpx.AsyncClient, *, ready: int, threads: str) -> None:
    async with asyncio.timeout(60):
        while True:
            answer = await client.get("/health/ready")
            if answer.status_code == ready and answer.json()["components"]["threads"] == threads:
                return
            await asyncio.sleep(0.01)


async def is_ready_in_metrics(client: httpx.AsyncClient) -> bool:
    return "emotion_ready 1.0" in (await client.get("/metrics")).text.splitlines()


async def test_threads_that_hang_are_told_and_forgotten():
    async with service_that_can_hang(threads=2, hang_seconds=0.05) as (client, may_end):
        assert (await client.get("/hang")).status_code == 504
        await eventually(client, ready=200, threads="degraded")
        assert await is_ready_in_metrics(client)
        assert (await client.get("/hang")).status_code == 504
        await eventually(client, ready=503, threads="hanging")
        live = await client.get("/health/live")
        assert live.status_code == 503
        assert "hang" in live.json()["detail"]
        assert not await is_ready_in_metrics(client)
        may_end.set()
        await eventually(client, ready=200, threads="ready")
        assert (await client.get("/health/live")).status_code == 200
        assert await is_ready_in_metrics(client)


async def test_a_call_that_is_only_late_does_not_hang():
    async with service_that_can_hang(threads=1, hang_seconds=600) as (client, _):
        assert (await client.get("/hang")).status_code == 504
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["components"]["threads"]) == (200, "ready")
        assert (await client.get("/health/live")).status_code == 200
