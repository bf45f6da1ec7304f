"""What `emotion analyze` makes of servers that are none, or that go away. No network is loaded here."""

import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.stack import EMOTION, clean_environment


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "upload.bin"
    path.write_bytes(bytes(100_000))
    return path


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        yield listening


def url_of(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_ctrl_c_is_status_130_without_a_traceback(listener: socket.socket, upload: Path) -> None:
    process = subprocess.Popen(
        [EMOTION, "analyze", upload, "--server", url_of(listener)],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    connection, _ = listener.accept()  # it waits for an answer now
    with connection:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == ("", "Interrupted.\n")


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (b"", 3, "the connection broke before the answer"),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnope", 1, "answered 404 without saying why"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", 1, "not an analysis of this version"),
    ],
)
def test_something_else_answers(
    listener: socket.socket, upload: Path, answer: bytes, status: int, message: str
) -> None:
    def answer_once() -> None:
        connection, _ = listener.accept()
        with connection:
            left = upload.stat().st_size
            while left > 0 and (piece := connection.recv(65536)):
                left -= len(piece)
            connection.sendall(answer)

    answering = threading.Thread(target=answer_once)
    answering.start()
    result = subprocess.run(
        [EMOTION, "analyze", upload, "--server", url_of(listener)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    answering.join()
    assert result.returncode == status
    assert message in " ".join(result.stderr.split())
