"""The parameter `callback_url`: who wants to be called when a job has ended."""

import asyncio
import re
from typing import Annotated

from fastapi import Depends, Query, Request

from gateway.callers import CallerOf
from gateway.jobs.public_addresses import AddressRefusedError, NoAnswerError
from gateway.look_ups import LookUps
from gateway.preferences import Preference, read_preference
from shared.contracts.problems import Problem

_LOOK_UP_SECONDS = 3.0


async def read_callback(
    request: Request,
    preference: Annotated[Preference, Depends(read_preference)],
    caller: CallerOf,
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
        Problem: `bad-parameter` where this server calls nobody, or not such an address;
            `service-unavailable` where nobody could say in time where it leads.
    """
    if callback_url is None:
        return None
    if not preference.takes_a_job:
        raise _bad("callback_url goes with `Prefer: respond-async` or `Prefer: wait=20` only.")
    if request.app.state.settings.webhooks.secret is None:
        raise _bad(
            "This server has no secret for webhooks, so it calls nobody.",
            "Leave it out, or have the server's operator set EMOTION_WEBHOOKS__SECRET.",
        )
    if not re.fullmatch("https?://[!-~]+", callback_url):
        raise _bad("callback_url must begin with https:// or http:// and be ASCII without spaces.")
    private = request.app.state.settings.webhooks.private_addresses
    look_ups: LookUps = request.app.state.look_ups
    try:
        async with asyncio.timeout(_LOOK_UP_SECONDS):
            await look_ups.check(callback_url, caller, private=private)
    except AddressRefusedError as error:
        raise _bad(f"callback_url is not called: {error}.") from error
    except (NoAnswerError, TimeoutError) as error:
        raise Problem(
            "service-unavailable",
            "The host of callback_url could not be looked up now.",
            field="callback_url",
            retry_after=5,
        ) from error
    return callback_url


def _bad(detail: str, remedy: str | None = None) -> Problem:
    return Problem("bad-parameter", detail, remedy=remedy, field="callback_url")
