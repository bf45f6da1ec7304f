"""What belongs to the request at hand: its id and its trace, for logs, answers and inner calls."""

import re
import secrets
from contextvars import ContextVar

REQUEST_ID_HEADER = "x-request-id"
TRACE_HEADER = "traceparent"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACE = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

current_service: ContextVar[str | None] = ContextVar("current_service", default=None)
current_request_id: ContextVar[str | None] = ContextVar("current_request_id", default=None)
current_trace: ContextVar[str | None] = ContextVar("current_trace", default=None)


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
