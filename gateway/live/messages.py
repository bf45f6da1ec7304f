"""Reading what a client says in words."""

from typing import Any

from pydantic import ValidationError
from starlette.types import Message

from shared.contracts.live import FROM_CLIENT, LiveEnd, LiveOpen, LivePing
from shared.contracts.problems import Problem

_MOST_LETTERS = 4096


def parse_text(text: str) -> LiveOpen | LiveEnd | LivePing:
    """Read a text message.

    Raises:
        Problem: `message-too-large`, `bad-request` for what is no JSON, `unexpected-message` or
            `bad-parameter` for what is none of the messages.
    """
    if len(text) > _MOST_LETTERS:
        raise Problem("message-too-large", f"A text message holds at most {_MOST_LETTERS} letters.")
    try:
        return FROM_CLIENT.validate_json(text)
    except ValidationError as error:
        details: Any = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise _what_is_wrong(details["type"], details["loc"], details["msg"]) from error


def parse_opening(message: Message) -> LiveOpen:
    """Read the first message of a connection.

    Raises:
        Problem: `unexpected-message` for any other, or as `parse_text`.
    """
    text = message.get("text")
    opening = None if text is None else parse_text(text)
    if not isinstance(opening, LiveOpen):
        detail = "The first message must be the text `open` (an object with `event` and `source`)."
        raise Problem("unexpected-message", detail)
    return opening


def _what_is_wrong(kind: str, place: tuple[int | str, ...], message: str) -> Problem:
    if kind == "json_invalid":
        return Problem("bad-request", "A text message must be JSON.")
    if len(place) < 2:
        detail = "A text message must be an object whose `event` is `open`, `end` or `ping`."
        return Problem("unexpected-message", detail)
    field = ".".join(str(part) for part in place[1:])
    return Problem("bad-parameter", f"{field}: {message}.", field=field)
