"""The parameter `callback_url`: who wants to be called when a job has ended."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated

from fastapi import Depends, Query, Request

from gateway.jobs.public_addresses import AddressRefusedError, resolve
from gateway.preferences import Preference, read_preference
from shared.contracts.problems import Problem

# A name server may take its time; uploads and jobs, which use the loop's own threads, do not wait for it.
_LOOKING_UP = ThreadPoolExecutor(4, thread_name_prefix="look-up")
_LOOK_UP_SECONDS = 3.0


async def read_callback(
    request: Request,
    preference: Annotated[Preference, Depends(read_preference)],
    callback_url: Annotated[
        str | None,
        Query(
            min_length=8,
            max_length=2000,
            description="Address that is called (POST, signed as Standard Webhooks say) when the job has "
            "ended. Only with `Prefer: respond-async` or `wait`.",
            examples=["https://example.org/hooks/emotion"],
        ),
    ] = None,
) -> str | None:
    """Dependency: where to call; None where nobody wants it.

    Raises:
        Problem: `bad-parameter` where this server calls nobody, or not such an address.
    """
    if callback_url is None:
        return None
    if not preference.takes_a_job:
        raise _bad("callback_url goes with `Prefer: respond-async` or `Prefer: wait=20` only.")
    if request.app.state.settings.webhooks.secret is None:
        raise _bad("This server has no secret for webhooks, so it calls nobody.")
    if not re.fullmatch("https?://[!-~]+", callback_url):
        raise _bad("callback_url must begin with https:// or http:// and be ASCII without spaces.")
    private = request.app.state.settings.webhooks.private_addresses
    looking = asyncio.get_running_loop().run_in_executor(
        _LOOKING_UP, partial(resolve, callback_url, private=private)
    )
    try:
        async with asyncio.timeout(_LOOK_UP_SECONDS):
            await looking
    except AddressRefusedError as error:
        raise _bad(f"callback_url is not called: {error}.") from error
    except TimeoutError as error:
        raise _bad("callback_url is not called: its host could not be looked up in time.") from error
    return callback_url


def _bad(detail: str) -> Problem:
    return Problem("bad-parameter", detail, field="callback_url")
