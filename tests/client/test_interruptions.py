"""Calls that end early: by Ctrl-C, or because nobody reads on."""

import contextlib
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from emotion_client import Client

STARTED = b'id: 1\ndata: {"event": "started", "attempt": 1}\n\n'
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + STARTED


class SilentServer:
    """Sends each caller the first event of a job, and no more."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self.hung_up = threading.Event()

    def answer(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(STREAM)
                    connection.recv(1)
                    self.hung_up.set()


@pytest.fixture
def server() -> Iterator[SilentServer]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        silent = SilentServer(listening)
        answering = threading.Thread(target=silent.answer)
        answering.start()
        yield silent
        listening.shutdown(socket.SHUT_RDWR)
        answering.join()


@contextlib.contextmanager
def ctrl_c() -> Iterator[None]:
    """Press Ctrl-C in a moment."""
    thread = threading.main_thread().ident
    timer = threading.Timer(0.5, signal.pthread_kill, (thread, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    timer.join()


def test_ctrl_c_between_events_is_that_and_the_client_can_be_used_on(server: SilentServer) -> None:
    seen = []
    with Client(server.url) as client:
        for _ in range(2):
            server.hung_up.clear()
            with ctrl_c():
                for event in client.events("an_1"):
                    seen.append(event.event)  # noqa: PERF401 - what came before is to be kept
            assert server.hung_up.wait(10)
    assert seen == ["started", "started"]


def test_ctrl_c_cancels_a_call_so_that_closing_need_not_wait(server: SilentServer) -> None:
    client = Client(server.url)
    with ctrl_c():
        client.wait("an_1")
    assert server.hung_up.wait(10)
    client.close()


def test_events_that_outlive_the_client_end_without_a_word(server: SilentServer) -> None:
    code = (
        "from emotion_client import Client\n"
        f"with Client({server.url!r}) as client:\n"
        "    events = client.events('an_1')\n"
        "    print(next(events).event)\n"
        "del events\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert (ended.stdout, ended.stderr) == ("started\n", "")


def test_a_client_that_nobody_closes_does_not_keep_python_from_ending(server: SilentServer) -> None:
    code = (
        "from emotion_client import Client\n"
        f"client = Client({server.url!r})\n"
        "events = client.events('an_1')\n"
        "print(next(events).event)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert (ended.stdout, ended.stderr) == ("started\n", "")
    assert server.hung_up.wait(10)
