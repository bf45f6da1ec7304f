"""What `emotion analyze` makes of servers that are none, or that go away. No network is loaded here."""

import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import tls_server
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
        (b"", 3, "broke before the answer"),
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


def test_a_certificate_that_is_not_trusted_is_no_server_that_is_missing(upload: Path, tmp_path: Path) -> None:
    with tls_server(tmp_path) as server:
        result = subprocess.run(
            [EMOTION, "analyze", upload, "--server", f"https://localhost:{server.port}"],
            env=clean_environment({"COLUMNS": "200"}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert result.returncode == 3
    assert "TLS failed" in result.stderr
    assert "SSL_CERT_FILE" in result.stderr
    assert "emotion serve" not in result.stderr


def test_a_proxy_that_cannot_be_used_is_status_2(upload: Path) -> None:
    result = subprocess.run(
        [EMOTION, "analyze", upload, "--server", "http://emotion.invalid"],
        env=clean_environment({"ALL_PROXY": "socks5://127.0.0.1:9", "COLUMNS": "200"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2
    assert "pip install 'httpx[socks]'" in result.stderr
    assert "Traceback" not in result.stderr
