"""Where a webhook may go: resolved once, looked at, and called at just that address."""

import concurrent.futures
import ipaddress
import socket
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
# What a name server that was reached says of a name; everything else may pass.
_NO_SUCH_HOST = {socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefusedError(Exception):
    """This server does not call there."""


class NoAnswerError(Exception):
    """Nobody could say just now where a name leads."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL and the address that its name stood for.

    Args:
        url: with the address in place of the name.
        host: value of the Host header.
        name: the name, for TLS.
    """

    url: str
    host: str
    name: str


def resolve(url: str, *, private: bool) -> Target:
    """Resolve the name of a URL, once.

    Args:
        url: http or https.
        private: whether addresses that the internet does not reach are allowed.

    Raises:
        AddressRefusedError: it is no such URL, there is no such host, or any of its addresses is not allowed.
        NoAnswerError: name servers gave no answer.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        name = parts.hostname or ""
        # IDNA, as a client would do; refuses what is no name.
        asked = name.encode("idna").decode()
    except (KeyError, ValueError) as error:
        raise AddressRefusedError("it is no address of a host") from error
    # An empty one would still stand in the Host header.
    if "@" in parts.netloc:
        raise AddressRefusedError("it must not hold a user or password")
    addresses = _look_up(asked, port)
    # One that is not allowed spoils the name: who answers so means no good.
    if not addresses or not (private or all(map(is_public, addresses))):
        raise AddressRefusedError("its address is not a public one")
    address = addresses[0]
    shown = f"[{address}]" if address.version == 6 else str(address)
    path = parts.path or "/"
    query = f"?{parts.query}" if parts.query else ""
    return Target(f"{parts.scheme}://{shown}:{port}{path}{query}", parts.netloc, name)


def resolve_in_thread(url: str, *, private: bool) -> concurrent.futures.Future[Target]:
    """Do as `resolve`, in a thread of its own: it cannot be broken off, and nobody needs to wait for it."""
    found: concurrent.futures.Future[Target] = concurrent.futures.Future()
    # From here on it cannot be cancelled, so that the thread may tell what it found.
    found.set_running_or_notify_cancel()

    def work() -> None:
        try:
            found.set_result(resolve(url, private=private))
        except Exception as error:  # noqa: BLE001 - for whoever waits for it
            found.set_exception(error)

    threading.Thread(target=work, name="look-up", daemon=True).start()
    return found


def _look_up(name: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in _NO_SUCH_HOST:
            raise AddressRefusedError("there is no such host") from error
        raise NoAnswerError from error
    except ValueError as error:
        raise AddressRefusedError("it is no address of a host") from error
    except OSError as error:
        raise NoAnswerError from error
    return [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]


def is_public(address: Address) -> bool:
    """Tell whether an address is on the internet, also behind what wraps IPv4 in IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        for inner in _wrapped(address):
            if not is_public(inner):
                return False
        # Python takes the old site-local addresses (fec0::/10) for global ones.
        if address in _NAT64_LOCAL or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _wrapped(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]
