"""Which servers are reached without the proxy that the environment names."""

import ipaddress

import httpx


def is_loopback(url: str) -> bool:
    """Tell whether a URL names this very machine, which a proxy could not reach: `localhost` or loopback."""
    host = httpx.URL(url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
