"""The same four apps in one process, without sockets between them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
from fastapi import FastAPI

from cli.health import Health, HealthProbe, NotReadyError
from cli.house import House
from face_service.app import create_app as create_face_app
from fusion_service.app import create_app as create_fusion_app
from gateway.app import create_app as create_gateway_app
from speech_service.app import create_app as create_speech_app


@dataclass(frozen=True, slots=True)
class Apps:
    """The apps of one process.

    Args:
        gateway: its own lifespan is left to whoever serves it.
        inner: how to reach the others, by name; their lifespans have been entered.
    """

    gateway: FastAPI
    inner: dict[str, httpx.ASGITransport]

    async def wait_until_ready(self, *, seconds: float = 120.0) -> None:
        """Wait until the networks of all inner services are loaded.

        Raises:
            NotReadyError: one cannot be loaded, or time ran out.
        """
        deadline = time.monotonic() + seconds
        for name, transport in self.inner.items():
            await _wait_for(name, transport, deadline)


@contextlib.asynccontextmanager
async def apps_in_this_process(house: House) -> AsyncIterator[Apps]:
    """Start the inner apps, whose networks load in the background, and make the gateway that calls them."""
    inner = {
        "face": create_face_app(house.face),
        "speech": create_speech_app(house.speech),
        "fusion": create_fusion_app(house.fusion),
    }
    transports = {name: httpx.ASGITransport(app) for name, app in inner.items()}
    async with contextlib.AsyncExitStack() as stack:
        for app in inner.values():
            await stack.enter_async_context(app.router.lifespan_context(app))
        yield Apps(create_gateway_app(house.gateway, transports=transports), transports)


async def _wait_for(name: str, transport: httpx.ASGITransport, deadline: float) -> None:
    probe = HealthProbe(transport=transport)
    try:
        while (health := await probe.ask(f"http://{name}")) is not Health.READY:
            if health is Health.FAILED:
                raise NotReadyError(f"{name}_service could not load its networks.")
            if time.monotonic() > deadline:
                raise NotReadyError(f"{name}_service was not ready in time.")
            await asyncio.sleep(0.02)
    finally:
        await probe.close()
