"""Request bodies, counted while they arrive."""

from starlette.requests import ClientDisconnect, Request

from shared.contracts.problems import Problem


def too_large(limit: int) -> Problem:
    """Give the problem for a body over `limit` bytes."""
    return Problem(
        "upload-too-large", f"The body is longer than {limit} bytes.", field="body", extra={"limit": limit}
    )


def declared_length(request: Request) -> int | None:
    """Give the bytes of the body as `Content-Length` says; None where it does not."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdigit() else None


def refuse_declared_length(request: Request, limit: int, *, framing: int = 0) -> None:
    """Refuse by `Content-Length`, before a byte is read.

    Args:
        request: its headers are looked at.
        limit: longest content, bytes.
        framing: bytes allowed around the content, as in a multipart form.

    Raises:
        Problem: `upload-too-large`.
    """
    declared = declared_length(request)
    if declared is not None and declared > limit + framing:
        raise too_large(limit)


async def read_body(request: Request, limit: int) -> bytes:
    """Read a whole body of at most `limit` bytes.

    Raises:
        Problem: `upload-too-large` as soon as the count passes the limit; `client-closed-request`.
    """
    refuse_declared_length(request, limit)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise too_large(limit)
    except ClientDisconnect as error:
        raise Problem(
            "client-closed-request", "The connection was closed before the body was complete."
        ) from error
    return bytes(body)
