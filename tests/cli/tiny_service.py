"""A real process that answers health addresses, and misbehaves as it is told. Standard library only.

    python tiny_service.py PORT BEHAVIOUR FOLDER

It appends its process id to FOLDER/PORT.BEHAVIOUR.pids at each start.
"""

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

port, behaviour, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        failed = behaviour == "cannot-load"
        self.send_response(503 if failed else 200)
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
    with HTTPServer(("127.0.0.1", port), Health) as server:
        if behaviour != "deaf":
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        server.serve_forever(poll_interval=0.05)


main()
