"""The page at `/` and its files under `/page`: static, and shut in by its own Content-Security-Policy."""

import mimetypes
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

_FOLDER = Path(__file__).parents[1] / "page"

# What a browser may do here: load this server's own files, show media that never left the browser (blob:),
# and call this server. No inline script or style, nothing from elsewhere, no text turned into markup.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# The rest is what every answer of this server carries (shared/security_headers.py).
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), display-capture=()",
}

# Some machines' tables call scripts plain text, which browsers refuse to run.
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("image/svg+xml", ".svg")


class PageFiles(StaticFiles):
    """The files of the page, each with the headers above."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        """Give a file, or 304 where the browser has it."""
        response = super().file_response(*arguments, **options)
        response.headers.update(_HEADERS)
        return response


def add_page(app: FastAPI) -> None:
    """Serve the page; it needs no network to be loaded, so it is there before the service is ready."""
    files = PageFiles(directory=_FOLDER)

    async def front(request: Request) -> Response:
        return await files.get_response("index.html", request.scope)

    app.add_route("/", front, include_in_schema=False)
    app.mount("/page", files, name="page")
