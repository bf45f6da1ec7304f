"""Waiting for work only as long as the client is there."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from fastapi import Request

from shared.contracts.problems import Problem

_Found = TypeVar("_Found")


async def while_connected(request: Request, work: Awaitable[_Found]) -> _Found:
    """Wait for the work; stop it as soon as the client has gone.

    Raises:
        Problem: `client-closed-request`, which nobody will read but the log.
    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Problem(
            "client-closed-request", "The client closed the connection before the answer was ready."
        )
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
