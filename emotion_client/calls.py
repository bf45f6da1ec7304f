"""One HTTP call: sent again where that is safe, and its failure as an exception."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx
from pydantic import ValidationError

from emotion_client.errors import (
    ProblemError,
    ServerUnreachableError,
    TlsError,
    UnexpectedAnswerError,
    UsageError,
)
from emotion_client.tls import tls_failure
from shared.contracts.problems import MEDIA_TYPE, ProblemDocument

Body = Callable[[], AsyncIterator[bytes]]

# With these the server says that it has done nothing yet.
_NOTHING_DONE = frozenset({429, 503})
_NEVER_MADE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent.

    Args:
        method: of HTTP.
        path: below the base URL.
        query: parameters.
        headers: beside those that every call has.
        body: makes the body anew for each time it is sent; None for none.
        repeatable: whether it may be sent again after it may have been carried out.
    """

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Body | None = None
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is sent, and how long it waits in between.

    Args:
        attempts: at most, 1 or more.
        longest_pause: seconds; where the server asks for a longer one, its problem is raised instead.
        first_pause: seconds, where the server does not say; doubled each time.
    """

    attempts: int = 4
    longest_pause: float = 60.0
    first_pause: float = 0.5

    def pause(self, attempt: int, error: Exception) -> float | None:
        """Give the seconds to wait after a failed attempt (from 0); None to give up."""
        if isinstance(error, TlsError):
            return None
        asked = error.retry_after if isinstance(error, ProblemError) else None
        seconds = asked if asked is not None else self.first_pause * 2**attempt
        return seconds if attempt + 1 < self.attempts and seconds <= self.longest_pause else None


async def send(http: httpx.AsyncClient, call: Call, patience: Patience) -> httpx.Response:
    """Send a call until it is answered well.

    It is sent again after a 429 or 503 and after a connection that could not be made: nothing was done then.
    After a connection that broke it is sent again where it is `repeatable`.

    Raises:
        ProblemError: the server said why not.
        ServerUnreachableError: no answer.
        UnexpectedAnswerError: an answer that cannot be unpacked, or an error that is no problem document.
        UsageError: the call cannot be sent.
    """
    attempt = 0
    while True:
        try:
            return checked(await http.send(_request(http, call)))
        except httpx.TransportError as broken:
            error: ProblemError | ServerUnreachableError = unreachable(broken)
            again = call.repeatable or isinstance(broken, _NEVER_MADE)
        except ProblemError as refused:
            error = refused
            again = did_nothing(refused)
        except httpx.DecodingError as garbled:
            url = _shown(garbled.request.url)
            raise UnexpectedAnswerError(f"{url} answered with what cannot be unpacked.") from garbled
        pause = patience.pause(attempt, error) if again else None
        if pause is None:
            raise error
        await asyncio.sleep(pause)
        attempt += 1


def did_nothing(refused: ProblemError) -> bool:
    """Tell whether the server only asks to be called later: it was full, or not ready."""
    return refused.document.status in _NOTHING_DONE


def _request(http: httpx.AsyncClient, call: Call) -> httpx.Request:
    content = call.body() if call.body is not None else None
    return http.build_request(
        call.method, call.path, params=call.query, headers=call.headers, content=content
    )


def checked(answer: httpx.Response) -> httpx.Response:
    """Give the answer back when it is a good one; its body must have been read.

    Raises:
        ProblemError: it is a problem document.
        UnexpectedAnswerError: it is anything else.
    """
    if answer.is_success:
        return answer
    if answer.headers.get("content-type", "").startswith(MEDIA_TYPE):
        with contextlib.suppress(ValidationError):
            document = ProblemDocument.model_validate_json(answer.content)
            raise ProblemError(document, retry_after=_retry_after(answer))
    said = "without saying why"
    if answer.next_request is not None:
        # Not followed: an upload would go where nobody sent it.
        said = f"that it is at {_shown(answer.next_request.url)}"
    raise UnexpectedAnswerError(f"{_shown(answer.url)} answered {answer.status_code} {said}.")


def _shown(url: httpx.URL) -> httpx.URL:
    """Give a URL without what may be secret."""
    return url.copy_with(query=None, userinfo=b"")


def _retry_after(answer: httpx.Response) -> float | None:
    seconds = answer.headers.get("retry-after", "")
    return float(seconds) if seconds.isdecimal() else None


def unreachable(error: httpx.TransportError) -> ServerUnreachableError:
    """Say in words why there was no answer.

    Raises:
        UsageError: it was the request.
    """
    if isinstance(error, (httpx.LocalProtocolError, httpx.UnsupportedProtocol)):
        # Its own words may quote a header.
        raise UsageError("This is no request that can be sent over HTTP.") from None
    connecting = isinstance(error, httpx.ConnectError)
    failure: ServerUnreachableError | None = tls_failure(error, error.request.url, connecting=connecting)
    if failure is None:
        failure = ServerUnreachableError(_reason(error))
    failure.__cause__ = error
    return failure


def _reason(error: httpx.TransportError) -> str:
    url = error.request.url
    address = f"{url.scheme}://{url.netloc.decode()}"
    if isinstance(error, httpx.ConnectError):
        return f"Nothing answers at {address}."
    if isinstance(error, httpx.ProxyError):
        return f"To {address} the proxy makes no connection: {error}."
    if isinstance(error, httpx.TimeoutException):
        return f"No answer from {address} in time."
    return f"The connection to {address} broke before the answer."
