"""Addresses on this machine: is a port free, which one is, and the URL that belongs to it."""

import contextlib
import socket


class PortInUseError(Exception):
    """Something else listens there, or the address is not one of this machine's.

    Args:
        host: the address.
        port: the port.
        reason: what the system said.
    """

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"Cannot listen on {host}, port {port}: {reason}.")
        self.host = host
        self.port = port


def require_free(host: str, port: int) -> int:
    """Give the port when one can listen there; a free one for port 0.

    Raises:
        PortInUseError: one cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the servers do: a connection that has just ended does not make the port used.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            raise PortInUseError(host, port, (error.strerror or str(error)).lower()) from error
        found: int = probe.getsockname()[1]
        return found


def choose_port(preferred: int, *, taken: frozenset[int] = frozenset()) -> int:
    """Give the preferred port of 127.0.0.1 when it is free, else one that the system chooses."""
    if preferred not in taken:
        with contextlib.suppress(PortInUseError):
            return require_free("127.0.0.1", preferred)
    while (port := require_free("127.0.0.1", 0)) in taken:
        pass
    return port


def url_of(host: str, port: int) -> str:
    """Give `http://host:port`, with brackets around an IPv6 address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def reachable_url(host: str, port: int) -> str:
    """Give the URL under which this machine reaches a server that listens on `host`, wildcards included."""
    return url_of({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port)  # noqa: S104 - only compared


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a server that listens on `host`."""
    return host in {"localhost", "::1"} or host.startswith("127.")
