"""Run one service as a process: `python -m face_service` and so on."""

import contextlib
import logging
import os
import socket
import sys
from collections.abc import Callable
from typing import Any, Never, TypeVar

import uvicorn
from fastapi import FastAPI

from shared.collection import spare_what_is_loaded
from shared.http_protocol import BoundedHttpProtocol
from shared.logs import configure_logs
from shared.settings import MAX_MESSAGE_BYTES, WRONG_SETTINGS, ServiceSettings, told_in_words
from shared.unread_settings import MUCH_ALIKE, unread_settings, unread_words
from shared.websocket_protocol import PING_SECONDS, BoundedWebSocketProtocol

_log = logging.getLogger(__name__)

Settings = TypeVar("Settings", bound=ServiceSettings)


def read_settings(name: str, kind: type[Settings]) -> Settings:
    """Read a service's settings; end this process with 2 and a sentence where one is wrong."""
    try:
        return kind()
    except WRONG_SETTINGS as error:
        return refuse_settings(name, str(told_in_words(error)))


def refuse_settings(name: str, why: str) -> Never:
    """End this process with 2, saying which setting is wrong."""
    sys.stderr.write(f"{name}: Wrong setting in the environment: {why}\n")
    sys.exit(2)


def run_service(name: str, create_app: Callable[[], FastAPI], settings: ServiceSettings) -> None:
    """Serve until SIGTERM or SIGINT; running requests may finish within `settings.shutdown_seconds`."""
    configure_logs(name, settings.log_level)
    if settings.listener is None:
        # Else whoever started this process, and knows the settings of all services, has told.
        for variable, meant in unread_settings(os.environ, type(settings), alike=MUCH_ALIKE):
            _log.warning(unread_words(variable, meant))
    app = create_app()
    spare_what_is_loaded()
    server = uvicorn.Server(uvicorn.Config(app, **server_options(settings)))
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=_inherited(settings))


def _inherited(settings: ServiceSettings) -> list[socket.socket] | None:
    """Take over the socket that whoever started this process listens with, if there is one."""
    if settings.listener is None:
        return None
    listener = socket.socket(fileno=settings.listener)
    listener.set_inheritable(False)
    return [listener]


def server_options(settings: ServiceSettings) -> dict[str, Any]:
    """Give the arguments of `uvicorn.Config` with which every service is served."""
    return {
        "host": settings.host,
        "port": settings.port,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        # Who is believed about a client's address, the gateway says.
        "proxy_headers": False,
        "timeout_keep_alive": 75,
        "timeout_graceful_shutdown": settings.shutdown_seconds,
        "http": BoundedHttpProtocol,
        "ws": BoundedWebSocketProtocol,
        "ws_max_size": MAX_MESSAGE_BYTES,
        "ws_ping_interval": PING_SECONDS,
        "ws_ping_timeout": PING_SECONDS,
        # Media are compressed already, and a small message must not become a large one here.
        "ws_per_message_deflate": False,
    }
