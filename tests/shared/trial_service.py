"""A small service made by the factory, with a real network and everything that can go wrong."""

import asyncio
import contextlib

import httpx
from fastapi import APIRouter, FastAPI, Request

from shared.contracts.problems import Problem
from shared.inference import network_time
from shared.service import create_service
from shared.settings import ServiceSettings

router = APIRouter(prefix="/v1")


@router.get("/number")
async def number(value: int = 1) -> int:
    return value


@router.get("/problem")
async def problem() -> None:
    raise Problem("overloaded", "Full.", retry_after=7)


@router.post("/work")
async def work(request: Request) -> int:
    await request.body()
    return await request.app.state.pool.run(_work)


def _work() -> int:
    with network_time("trial-network-1"):
        return sum(range(1000))


def trial_app(router: APIRouter) -> FastAPI:
    """Make a service of these routes, with nothing to load."""
    return create_service(
        name="trial",
        title="Trial",
        description="",
        settings=ServiceSettings(threads=1, inference_queue=4),
        routers=[router],
        load=lambda _: (),
    )


@contextlib.asynccontextmanager
async def trial_service():
    app = trial_app(router)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://trial") as client,
    ):
        while not (await client.get("/health/ready")).is_success:  # noqa: ASYNC110 - as a client would
            await asyncio.sleep(0.01)
        yield client
