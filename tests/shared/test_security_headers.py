"""Every answer tells browsers to trust it with nothing; the explorers still work, with what they need."""

import asyncio
import base64
import contextlib
import hashlib
import re
import shutil
import socket
import subprocess

import pytest
import uvicorn

from shared.run import server_options
from shared.service import create_service
from shared.settings import ServiceSettings
from tests.servers import serve
from tests.shared.trial_service import router, trial_app, trial_service

EXPECTED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
async def client():
    async with trial_service() as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/v1/number", "/v1/problem", "/v1/number?value=x", "/nowhere", "/metrics", "/openapi.json"]
)
async def test_an_answer_that_is_no_page_may_load_nothing(client, path):
    headers = (await client.get(path)).headers
    assert EXPECTED.items() <= dict(headers).items()
    assert headers["content-security-policy"].startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "camera=()" in headers["permissions-policy"]
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_an_explorer_runs_its_own_scripts_only(client, path):
    answer = await client.get(path)
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    allowed = policy["script-src"].split()
    assert "'unsafe-inline'" not in allowed
    inline = re.findall(rb"<script>(.*?)</script>", answer.content, re.DOTALL)
    digests = {f"'sha256-{base64.b64encode(hashlib.sha256(one).digest()).decode()}'" for one in inline}
    assert set(allowed) == {"'self'", *digests}
    assert "http" not in answer.headers["content-security-policy"]


async def test_files_that_can_be_asked_for_again_may_be_kept(client):
    answer = await client.get("/static-offline-docs/swagger-ui.css")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_program_that_serves_is_not_named():
    """Over a socket, where uvicorn would name itself; also where it refuses without asking us."""
    app = create_service(
        name="trial", title="Trial", description="", settings=ServiceSettings(), routers=[router]
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, **server_options(ServiceSettings())))
        server.capture_signals = contextlib.nullcontext
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            for request in (
                b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                b"nonsense\r\n\r\n",
            ):
                reader, writer = await asyncio.open_connection(*listener.getsockname())
                writer.write(request)
                answer = (await reader.read()).lower()
                writer.close()
                assert answer.startswith(b"http/1.1 ")
                assert b"x-content-type-options: nosniff" in answer
                assert b"\r\nserver:" not in answer
                assert b"uvicorn" not in answer
        finally:
            server.should_exit = True
            await task


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine to look with")
@pytest.mark.parametrize(("path", "shown"), [("/docs", "opblock"), ("/redoc", "Responses")])
def test_a_browser_shows_the_explorer_under_its_policy(tmp_path, path, shown):
    app = trial_app(router)
    with serve(app) as url:
        command = [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            f"--user-data-dir={tmp_path}", "--enable-logging=stderr", "--virtual-time-budget=20000",
            "--dump-dom", url + path,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)
    assert shown in done.stdout, done.stderr[-2000:]
    assert "/v1/number" in done.stdout
    # ReDoc would load its maker's logo from elsewhere: that, and nothing else, is blocked.
    blocked = [line for line in done.stderr.splitlines() if "Content Security Policy" in line]
    assert not [line for line in blocked if "https://cdn.redoc.ly/" not in line], blocked
