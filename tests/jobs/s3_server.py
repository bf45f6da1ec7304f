"""A bucket on a real S3 server (moto) of a test's own."""

import contextlib
import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.jobs.gateway_process import eventually


@contextlib.contextmanager
def bucket_server(folder: Path) -> Iterator[str]:
    """Run one, its keys in the environment; give the bucket's URL. Skips the test where none is installed."""
    pytest.importorskip("moto.server", reason="NO S3 SERVER: install moto[s3], flask and flask-cors")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=out, stderr=out
        )
    url = f"http://127.0.0.1:{port}"

    def made() -> bool:
        try:
            return httpx.put(f"{url}/uploads", timeout=5).is_success
        except httpx.TransportError:
            return False

    eventually(made, "the bucket is made")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT": url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        try:
            yield "s3://uploads/emotion"
        finally:
            server.terminate()
            server.wait(30)


class MoodyDoor:
    """Stands before an S3 server and passes everything on but what `refuses` names; counts what it refused.

    Args:
        behind: URL of the server.
    """

    def __init__(self, behind: str) -> None:
        self.refuses: frozenset[str] = frozenset()
        self.refused: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if self.command in outer.refuses:
                    outer.refused.append(f"{self.command} {self.path}")
                    # Unlike a 503 or a broken connection, the library does not try this again for a minute.
                    self._answer(403, {}, b"")
                    return
                answer = httpx.request(
                    self.command, f"{behind}{self.path}", headers=dict(self.headers), content=body, timeout=30
                )
                self._answer(answer.status_code, dict(answer.headers), answer.content)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on  # noqa: N815 - names of the library

            def _answer(self, status, headers, body):
                self.send_response(status)
                for name in ("etag", "last-modified", "content-type", "content-range"):
                    if name in headers:
                        self.send_header(name, headers[name])
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Listen, and stand in the environment as the endpoint."""
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT", self.url)
            try:
                yield
            finally:
                self._server.shutdown()
                self._server.server_close()
                thread.join()


@contextlib.contextmanager
def moody_door() -> Iterator[MoodyDoor]:
    """Put one before the server of `bucket_server`."""
    door = MoodyDoor(os.environ["AWS_ENDPOINT"])
    with door.open():
        yield door
