"""Why a connection could not be encrypted."""

import ssl

import httpx

from emotion_client.errors import TlsError

# So ends a connection that breaks, whatever it carries.
_BROKEN = (ssl.SSLEOFError, ssl.SSLSyscallError, ssl.SSLZeroReturnError)


def tls_failure(error: BaseException, url: httpx.URL, *, connecting: bool) -> TlsError | None:
    """Say what TLS found wrong; None where it found nothing.

    Args:
        error: what came of a call.
        url: that was called.
        connecting: whether the connection was just being made.
    """
    found = _cause(error)
    if found is None or (isinstance(found, _BROKEN) and not connecting):
        return None
    address = f"{url.scheme}://{url.netloc.decode('ascii')}"
    if isinstance(found, ssl.SSLCertVerificationError):
        return TlsError(
            f"TLS failed: the certificate of {address} is not accepted: {found.verify_message.rstrip('.')}.",
            "Use a name that it was made for; SSL_CERT_FILE names the file of an authority of your own.",
        )
    reason = (found.reason or str(found)).replace("_", " ").lower()
    return TlsError(
        f"TLS failed at {address}: {reason}.",
        "Check the port; a server that speaks plain HTTP has an address that begins with http://.",
    )


def _cause(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error
