"""Call an app without sockets from ordinary tests: its lifespan and requests run in one loop in a thread."""

import contextlib
import functools
import time

import anyio.from_thread
import httpx
from fastapi import FastAPI


class AppClient(contextlib.ExitStack):
    """Enter it to start the app, leave it to stop it."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__()
        self._portal = self.enter_context(anyio.from_thread.start_blocking_portal())
        self.enter_context(self._portal.wrap_async_context_manager(app.router.lifespan_context(app)))
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://face", timeout=60)

    def get(self, url: str) -> httpx.Response:
        return self._portal.call(functools.partial(self._client.get, url))

    def post(self, url: str, **options: object) -> httpx.Response:
        return self._portal.call(functools.partial(self._client.post, url, **options))

    def wait_until_ready(self, seconds: float = 60) -> None:
        give_up = time.monotonic() + seconds
        while not self.get("/health/ready").is_success:
            assert self.get("/health/live").is_success
            assert time.monotonic() < give_up
            time.sleep(0.02)
