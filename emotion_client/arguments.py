"""What a caller gives, looked at before anything is sent."""

import contextlib
from collections.abc import Iterator

import httpx

from emotion_client.errors import UsageError


def checked_address(base_url: str) -> str:
    """Give the address of a server without white space around it, and without a slash at its end.

    Raises:
        UsageError: it is none.
    """
    address = base_url.strip().rstrip("/")
    shown = repr(address.rpartition("@")[2])  # without a password
    if not address.lower().startswith(("http://", "https://")):
        raise UsageError(f"The address of a server begins with http:// or https://, and {shown} does not.")
    try:
        url = httpx.URL(address)
        host, port = url.host, url.port
        url.raw_host.decode("ascii").encode("idna")  # as it is looked up
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UsageError(f"{shown} is not the address of a server: {error}") from None
    if not host:
        raise UsageError(f"The address of a server names a host, and {shown} does not.")
    if port is not None and not 1 <= port <= 65535:
        raise UsageError(f"A port is a number from 1 to 65535, and {port} in {shown} is not.")
    return address


def checked_key(api_key: str | None) -> str | None:
    """Give an API key without white space around it, as a file may hold it; None where nothing is left.

    Raises:
        UsageError: it holds what no key does; what it is does not stand in the message.
    """
    key = (api_key or "").strip()
    return checked_header("An API key", key) or None


def checked_header(name: str, value: str) -> str:
    """Give back what is sent as a header: visible ASCII letters.

    Raises:
        UsageError: it holds others.
    """
    if not all("!" <= letter <= "~" for letter in value):
        raise UsageError(f"{name} consists of visible ASCII letters without spaces, and this one does not.")
    return value


@contextlib.contextmanager
def environment() -> Iterator[None]:
    """Say in a sentence what is wrong with the proxies and certificates that the environment names.

    Raises:
        UsageError: they cannot be used.
    """
    try:
        yield
    except ImportError as error:
        message = "The environment names a SOCKS proxy; for that, install what httpx lacks: "
        raise UsageError(f"{message}pip install 'httpx[socks]'") from error
    except (ValueError, httpx.InvalidURL) as error:
        raise UsageError(f"The environment names a proxy that cannot be used: {error}") from error
    except OSError as error:
        message = "The certificates of SSL_CERT_FILE or SSL_CERT_DIR cannot be read: "
        raise UsageError(f"{message}{error.strerror or error}") from error
