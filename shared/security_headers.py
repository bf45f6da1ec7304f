"""Headers that tell browsers to trust an answer with nothing that it does not need.

OWASP Secure Headers Project; Content Security Policy Level 3 (W3C).
"""

import base64
import hashlib
import re

from starlette.datastructures import MutableHeaders

_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)

# What is not a page may load nothing, even if a browser is led to show it as one.
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": _NOTHING,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), display-capture=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}


def add_security_headers(headers: MutableHeaders) -> None:
    """Add what is missing; a route that needs more than nothing has said so by then.

    Files that can be asked for again (those with an ETag) may be kept, and are asked for each time.
    """
    if "etag" in headers:
        headers.setdefault("Cache-Control", "no-cache")
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)


def explorer_policy(page: bytes) -> str:
    """Give the Content-Security-Policy of /docs or /redoc.

    Its own files, its one inline script by digest, calls to this server. Styles are free, for both explorers
    write their own; ReDoc searches in a worker that it makes itself.

    Args:
        page: the HTML.
    """
    digests = (
        base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE_SCRIPT.findall(page)
    )
    scripts = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in digests)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
