"""What belongs to the request at hand: its id and trace, and what its log line says."""

import re
import secrets
from contextvars import ContextVar
from typing import Any

REQUEST_ID_HEADER = "x-request-id"
TRACE_HEADER = "traceparent"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACE = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

current_service: ContextVar[str | None] = ContextVar("current_service", default=None)
current_request_id: ContextVar[str | None] = ContextVar("current_request_id", default=None)
current_trace: ContextVar[str | None] = ContextVar("current_trace", default=None)
current_notes: ContextVar[dict[str, Any] | None] = ContextVar("current_notes", default=None)


def note(**notes: object) -> None:
    """Add members to the one log line of the request at hand; nothing happens outside of one.

    Only what the server made itself belongs there: numbers, names of kinds. Never what somebody sent.
    """
    if (members := current_notes.get()) is not None:
        members.update(notes)


def note_milliseconds(group: str, name: str, seconds: float) -> None:
    """Add up time under `group.name` in the log line of the request at hand, in milliseconds."""
    if (members := current_notes.get()) is not None:
        times = members.setdefault(group, {})
        times[name] = round(times.get(name, 0.0) + seconds * 1000, 2)


def accept_request_id(value: str | None) -> str:
    """Take the caller's id when it is 1 to 64 letters, digits, `.`, `_`, `-`; else make a new one."""
    if value is not None and _REQUEST_ID.fullmatch(value):
        return value
    return secrets.token_hex(16)


def accept_trace(value: str | None) -> str:
    """Continue a W3C trace (`traceparent`, version 00) with a new span id, or begin one."""
    if value is not None and _TRACE.fullmatch(value):
        version, trace_id, _, flags = value.split("-")
        return f"{version}-{trace_id}-{secrets.token_hex(8)}-{flags}"
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
