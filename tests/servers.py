"""Run services for tests: real sockets, real lifespans, in threads of the test process."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import uvicorn
from fastapi import FastAPI

from face_service.app import create_app as create_face_service
from fusion_service.app import create_app as create_fusion_service
from gateway.app import create_app as create_gateway
from gateway.settings import GatewaySettings
from shared.run import server_options
from shared.settings import ServiceSettings
from speech_service.app import create_app as create_speech_service


@contextlib.contextmanager
def serve(app: FastAPI, *, ready: str = "/health/ready") -> Iterator[str]:
    """Serve an app on a free port of this machine; give its address once `ready` answers well."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    options = {**server_options(ServiceSettings()), "timeout_graceful_shutdown": 5}
    config = uvicorn.Config(app, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        _wait_until(f"{url}{ready}")
        yield url
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def _wait_until(url: str, seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while True:
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.get(url, timeout=10)
            if answer.is_success:
                return
        if time.monotonic() > give_up:
            raise TimeoutError(f"{url} did not become ready")
        time.sleep(0.05)


@dataclass(frozen=True)
class House:
    """Addresses of the four services."""

    gateway: str
    face: str
    speech: str
    fusion: str


@contextlib.contextmanager
def serve_house(**settings: object) -> Iterator[House]:
    """Serve all four services; `settings` are the gateway's."""
    with contextlib.ExitStack() as stack:
        face = stack.enter_context(serve(create_face_service()))
        speech = stack.enter_context(serve(create_speech_service()))
        fusion = stack.enter_context(serve(create_fusion_service()))
        own = GatewaySettings(face_url=face, speech_url=speech, fusion_url=fusion, **settings)
        gateway = stack.enter_context(serve(create_gateway(own)))
        yield House(gateway, face, speech, fusion)
