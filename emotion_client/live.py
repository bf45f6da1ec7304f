"""A live stream, typed: `open_live` speaks the protocol of docs/live.md."""

import contextlib
import struct
from collections.abc import AsyncIterator, Sequence
from typing import Literal, TypedDict, Unpack

import httpx
from pydantic import ValidationError
from pydantic_core import to_json
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidProxy,
    InvalidProxyStatus,
    InvalidStatus,
    WebSocketException,
)

from emotion_client.arguments import checked_address, checked_key
from emotion_client.errors import ProblemError, ServerUnreachableError, UnexpectedAnswerError, UsageError
from emotion_client.proxies import is_loopback
from emotion_client.tls import tls_failure
from shared.contracts.live import TO_CLIENT, LiveDone, LiveEnd, LiveEvent, LiveProblem, LiveReady

_HEADER = struct.Struct(">B7xd")
_PICTURE, _SOUND = 1, 2


class LiveOptions(TypedDict, total=False):
    """What a stream may ask for; see `LiveOpen`."""

    fps: float
    modalities: Sequence[Literal["face", "speech"]]
    profile: Literal["default", "paper"]
    strategy: Literal["learned", "mean", "weighted", "max", "face", "speech"]
    baseline: Literal["auto", "off"]
    window_seconds: float
    sound_rate: int


class LiveStream:
    """An open stream: send from one task, iterate over its events in another.

    Args:
        connection: open, and past `ready`.
        ready: what the server said: limits and options.
    """

    def __init__(self, connection: ClientConnection, ready: LiveReady) -> None:
        self._connection = connection
        self.ready = ready

    async def send(self, piece: bytes) -> None:
        """Send the next bytes of a recording (`container`).

        Raises:
            ServerUnreachableError: the stream has ended; its events say why.
        """
        await self._send(piece)

    async def send_picture(self, t: float, jpeg: bytes) -> None:
        """Send a JPEG (`pictures`), taken `t` seconds after the stream's beginning; raises as `send`."""
        await self._send(_HEADER.pack(_PICTURE, t) + jpeg)

    async def send_sound(self, t: float, samples: bytes) -> None:
        """Send 16-bit little-endian mono samples, the first at `t` seconds; raises as `send`."""
        await self._send(_HEADER.pack(_SOUND, t) + samples)

    async def end(self) -> None:
        """Say that nothing more comes; the events go on to `done`. Raises as `send`."""
        await self._send(LiveEnd(event="end").model_dump_json())

    async def __aiter__(self) -> AsyncIterator[LiveEvent]:
        """Give what comes back, up to `done`.

        Raises:
            ProblemError: the server ended the stream, and said why.
            ServerUnreachableError: the connection broke, or the server stopped.
        """
        while True:
            event = await _receive(self._connection)
            yield event
            if isinstance(event, LiveDone):
                return

    async def _send(self, message: bytes | str) -> None:
        try:
            await self._connection.send(message)
        except ConnectionClosed as error:
            raise _ended(error) from error


@contextlib.asynccontextmanager
async def open_live(
    base_url: str = "http://127.0.0.1:8000",
    source: Literal["container", "pictures"] = "pictures",
    *,
    api_key: str | None = None,
    **options: Unpack[LiveOptions],
) -> AsyncIterator[LiveStream]:
    """Open a stream; leaving the block closes it.

    Args:
        base_url: of the server. One on this machine is reached without the environment's proxy.
        source: a recorder's bytes, or pictures and sound with their times.
        api_key: where the server asks for one.
        options: what is wanted.

    Raises:
        ProblemError: the server refuses; `bad-parameter` for a wrong option.
        ServerUnreachableError: nothing answers there.
        UsageError: what is no address or key, or a proxy in the environment that cannot be used.
    """
    url = httpx.URL(checked_address(base_url))
    wanted = {"event": "open", "source": source, "key": checked_key(api_key), **options}
    # What is allowed is the server's to say, as for uploads.
    opening = to_json({name: value for name, value in wanted.items() if value is not None}, fallback=str)
    async with await _connected(url) as connection:
        # Where the server has closed already, what it said before is read below.
        with contextlib.suppress(ConnectionClosed):
            await connection.send(opening.decode())
        ready = await _receive(connection)
        if not isinstance(ready, LiveReady):
            message = f"The server answered {ready.event!r} instead of 'ready'."
            raise UnexpectedAnswerError(message)
        yield LiveStream(connection, ready)


async def _connected(url: httpx.URL) -> ClientConnection:
    scheme = {"http": "ws", "https": "wss"}[url.scheme]
    address = str(url.copy_with(scheme=scheme, path=url.path.rstrip("/") + "/v1/live"))
    try:
        return await connect(address, compression=None, proxy=None if is_loopback(str(url)) else True)
    except (ImportError, InvalidProxy) as error:
        raise UsageError(f"The environment names a proxy that cannot be used: {error}.") from error
    except (OSError, WebSocketException) as error:
        failure = tls_failure(error, url, connecting=True)
        message = f"No live stream could be opened at {url.copy_with(userinfo=b'')}: {_reason(error)}."
        raise failure or ServerUnreachableError(message) from error


def _reason(error: OSError | WebSocketException) -> str:
    match error:
        case InvalidStatus(response=answer):
            return f"the answer is {answer.status_code}"
        case InvalidProxyStatus(response=answer):
            return f"the proxy makes no connection, its answer is {answer.status_code}"
        case TimeoutError():
            return "no answer in time"
        case OSError():
            return "nothing answers there"
    return "what answers there is no emotion server"


async def _receive(connection: ClientConnection) -> LiveEvent:
    try:
        event = TO_CLIENT.validate_json(await connection.recv(), extra="ignore")
    except ConnectionClosed as error:
        raise _ended(error) from error
    except ValidationError as error:
        message = "The server sent an event that this version does not know."
        raise UnexpectedAnswerError(message) from error
    if isinstance(event, LiveProblem):
        raise ProblemError(event.problem)
    return event


def _ended(error: ConnectionClosed) -> ServerUnreachableError:
    reason = "" if error.rcvd is None else f" {error.rcvd.code} {error.rcvd.reason}"
    return ServerUnreachableError(f"The stream has ended:{reason or ' the connection broke'}.")
