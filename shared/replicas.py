"""Calls spread over the replicas of a service that share one name, as containers of one service do.

Left to itself, an HTTP client keeps its connections, and glibc sorts addresses by likeness to its own (RFC
6724, rule 9), so that one of several replicas would get all the work.
"""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """Give the addresses of a name, IPv4 and IPv6, each once.

    Raises:
        OSError: the name is not known.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(slots=True)
class _Replica:
    """One address: calls under way, when it was last chosen, until when it is avoided (monotonic seconds)."""

    address: str
    under_way: int = 0
    chosen: int = 0
    avoided_until: float = 0.0


@dataclass(slots=True)
class _Known:
    """What a name stood for when it was last asked for."""

    replicas: list[_Replica] = field(default_factory=list)
    fresh_until: float = 0.0


class ReplicaTransport(httpx.AsyncBaseTransport):
    """Sends each call to the address with the fewest calls under way; of equals, to the one idle longest.

    An address that takes no connection is passed over for a moment, and the call goes to the next. A call
    counts as under way until its answer begins, which for our services is when the work is done.

    Args:
        inner: does the sending.
        fresh_seconds: how long the addresses of a name are believed.
        avoid_seconds: how long an address that took no connection comes last.
        resolve: name and port to addresses.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        *,
        fresh_seconds: float = 1.0,
        avoid_seconds: float = 5.0,
        resolve: Resolve = resolve,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner = inner
        self._fresh_seconds = fresh_seconds
        self._avoid_seconds = avoid_seconds
        self._resolve = resolve
        self._clock = clock
        self._names: dict[tuple[str, int], _Known] = {}
        self._choices = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises:
            httpx.ConnectError: the name is not known, or no address takes a connection.
            httpx.TransportError: whatever else `inner` raises.
        """
        if _is_address(request.url.host):
            return await self._inner.handle_async_request(request)
        refused: httpx.TransportError | None = None
        for replica in await self._in_order(request.url):
            self._choices += 1
            replica.chosen = self._choices
            replica.under_way += 1
            try:
                return await self._inner.handle_async_request(_moved(request, replica.address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                refused = error
                replica.avoided_until = self._clock() + self._avoid_seconds
            finally:
                replica.under_way -= 1
        raise refused or httpx.ConnectError("the name has no address", request=request)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()

    async def _in_order(self, url: httpx.URL) -> list[_Replica]:
        port = url.port or (443 if url.scheme == "https" else 80)
        known = self._names.setdefault((url.host, port), _Known())
        now = self._clock()
        if now >= known.fresh_until:
            try:
                addresses = await self._resolve(url.host, port)
            except OSError as error:
                raise httpx.ConnectError(f"the name is not known: {error}") from error
            before = {replica.address: replica for replica in known.replicas}
            known.replicas = [before.get(address) or _Replica(address) for address in addresses]
            known.fresh_until = now + self._fresh_seconds
        return sorted(
            known.replicas,
            key=lambda replica: (replica.avoided_until > now, replica.under_way, replica.chosen),
        )


def _moved(request: httpx.Request, address: str) -> httpx.Request:
    """Give the same request to one address; the Host header, and the name that TLS checks, stay."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={"sni_hostname": request.url.host, **request.extensions},
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
