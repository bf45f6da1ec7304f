"""Addresses in settings, written as those who compare or call them write them."""

import re
from urllib.parse import urlsplit

ANY_ORIGIN = "*"

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://([\w.-]+|\[[0-9a-f:.]+\])(:\d+)?", re.ASCII | re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def as_origin(value: str) -> str:
    """Give an origin as browsers send it: in small letters, without a slash or the usual port at the end.

    Args:
        value: `scheme://host[:port]`, or `*` for every origin.

    Raises:
        ValueError: it is neither.
    """
    if value == ANY_ORIGIN:
        return value
    origin = _checked(value.lower())
    parts = urlsplit(origin)
    if parts.port is not None and parts.port == _DEFAULT_PORTS.get(parts.scheme):
        return origin.removesuffix(f":{parts.port}")
    return origin


def as_service_url(value: str) -> str:
    """Give the address of a service without a slash at the end.

    Args:
        value: `http://host[:port]`, or the same with https.

    Raises:
        ValueError: it is not.
    """
    url = _checked(value)
    if urlsplit(url).scheme not in _DEFAULT_PORTS:
        message = "must begin with http:// or https://"
        raise ValueError(message)
    return url


def _checked(value: str) -> str:
    address = value.removesuffix("/")
    if not _ADDRESS.fullmatch(address):
        message = "must be scheme://host or scheme://host:port, as in https://app.example"
        raise ValueError(message)
    _ = urlsplit(address).port  # raises ValueError beyond 65535
    return address
