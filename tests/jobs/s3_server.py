"""A bucket on a real S3 server (moto) of a test's own."""

import contextlib
import socket
import subprocess
import sys
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
