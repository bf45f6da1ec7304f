"""A real process that answers health addresses, and misbehaves as it is told. Standard library only.

    python tiny_service.py LISTENER BEHAVIOUR FOLDER

It appends its process id to FOLDER/PORT.BEHAVIOUR.pids at each start.
"""

import os
import signal
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

listener = socket.socket(fileno=int(sys.argv[1]))
behaviour, folder = sys.argv[2], Path(sys.argv[3])
port = listener.getsockname()[1]


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        live, ready = {"cannot-load": (503, 503), "never-ready": (200, 503)}.get(behaviour, (200, 200))
        if (folder / f"{os.getpid()}.hangs").exists():
            live, ready = (503, 503)
        self.send_response(ready if self.path == "/health/ready" else live)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    with (folder / f"{port}.{behaviour}.pids").open("a") as file:
        file.write(f"{os.getpid()}\n")
    if behaviour == "ends":
        sys.exit(7)
    if behaviour == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if behaviour == "has-child" and os.fork() == 0:
        with (folder / f"{port}.grandchild").open("w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)
    with HTTPServer(("127.0.0.1", 0), Health, bind_and_activate=False) as server:
        server.socket.close()
        server.socket = listener
        if behaviour != "deaf":
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        server.serve_forever(poll_interval=0.05)


main()
