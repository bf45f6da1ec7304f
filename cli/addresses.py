"""Addresses on this machine: listening on them, and the URL that belongs to each."""

import errno
import ipaddress
import socket


class _ListenError(Exception):
    """One cannot listen there.

    Args:
        host: the address.
        port: the port.
        reason: what the system said.
    """

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"Cannot listen on {host}, port {port}: {reason}.")
        self.host = host
        self.port = port


class PortInUseError(_ListenError):
    """Something else listens there, or the port is not for everybody."""


class HostError(_ListenError):
    """The host is not known, or not this machine."""


# Of the errors of `bind`, those that another port can help against.
_OF_THE_PORT = frozenset({errno.EADDRINUSE, errno.EACCES, errno.EPERM})


def listen(host: str, port: int) -> socket.socket:
    """Listen there; on a free port for port 0.

    Args:
        host: an address, or a name of which the IPv4 address is taken.
        port: TCP port.

    Raises:
        PortInUseError: not on this port.
        HostError: on no port of this host.
    """
    if not host:
        raise HostError("''", port, "an empty address means every address there is")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # A connection that has just ended does not make the port used.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except (OSError, UnicodeError) as error:
        listener.close()
        kind = PortInUseError if getattr(error, "errno", None) in _OF_THE_PORT else HostError
        raise kind(host, port, (getattr(error, "strerror", None) or str(error)).lower()) from error
    return listener


def listen_near(port: int) -> socket.socket:
    """Listen on this port of 127.0.0.1 where it is free, else on one that the system chooses."""
    try:
        return listen("127.0.0.1", port)
    except PortInUseError:
        return listen("127.0.0.1", 0)


def port_of(listener: socket.socket) -> int:
    """Give the port on which it listens."""
    port: int = listener.getsockname()[1]
    return port


def is_loopback(listener: socket.socket) -> bool:
    """Tell whether only this machine can reach it, whatever name its address was given by."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def url_of(host: str, port: int) -> str:
    """Give `http://host:port`, with brackets around an IPv6 address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def reachable_url(host: str, port: int) -> str:
    """Give the URL under which this machine reaches a server that listens on `host`, wildcards included."""
    return url_of({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port)  # noqa: S104 - only compared
