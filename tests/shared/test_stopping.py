"""A stop waits for running requests, and tells those for which it cannot wait longer."""

import asyncio
import contextlib
import socket

import httpx
import pytest
import uvicorn
from fastapi import APIRouter

from shared.run import server_options
from shared.service import create_service
from shared.settings import ServiceSettings


@pytest.mark.parametrize(("is_let_go", "status"), [(True, 200), (False, 503)])
async def test_what_runs_at_a_stop(is_let_go, status):
    arrived, may_end = asyncio.Event(), asyncio.Event()
    router = APIRouter()

    @router.get("/work")
    async def work() -> int:
        arrived.set()
        await may_end.wait()
        return 1

    settings = ServiceSettings(shutdown_seconds=60 if is_let_go else 1)
    app = create_service(
        name="trial", title="Trial", description="", settings=settings, routers=[router], load=lambda _: ()
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, **server_options(settings)))
        server.capture_signals = contextlib.nullcontext
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, timeout=100, trust_env=False) as client:
            while (await client.get("/health/ready")).status_code != 200:  # noqa: ASYNC110 - as a client would
                await asyncio.sleep(0.01)
            asking = asyncio.create_task(client.get("/work"))
            await arrived.wait()
            server.should_exit = True
            if is_let_go:
                may_end.set()
            answer = await asking
            await serving
    assert answer.status_code == status
    if not is_let_go:
        assert answer.json()["type"] == "/problems/service-unavailable"
        assert int(answer.headers["retry-after"]) > 0
