"""The analysis of a long film has many megabytes: they are sent as they are read, and held nowhere."""

import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.app import create_app
from gateway.exports.formats import FORMATS
from gateway.routes import jobs
from gateway.settings import GatewaySettings
from shared.contracts.analyses import Analysis
from tests.cli.processes import most_resident_bytes, resident_bytes
from tests.jobs.gateway_process import files_in
from tests.jobs.test_jobs import finished, hand_in
from tests.servers import serve

FRAMES = 20_000
READERS = 20
SUFFIXES = [f".{export.name}" for export in FORMATS]


def lengthen_result(folder: Path) -> dict:
    """Make the only result in a folder as long as that of a film of an hour; give it."""
    (path,) = (path for path in files_in(folder) if path.name.startswith("result-"))
    analysis = json.loads(path.read_bytes())
    frames = analysis["frames"]
    analysis["frames"] = (frames * (FRAMES // len(frames) + 1))[:FRAMES]
    path.write_text(json.dumps(analysis, separators=(",", ":")))
    return analysis


@contextlib.contextmanager
def asking(port: int, path: str) -> Iterator[socket.socket]:
    """Ask for something with a socket that takes little at once; the answer is the caller's to read."""
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asked.settimeout(60)
        asked.connect(("127.0.0.1", port))
        asked.sendall(f"GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n".encode())
        yield asked


@pytest.mark.parametrize("suffix", ["", "/events"])
@pytest.mark.timeout(300)
def test_who_does_not_read_a_long_result_holds_little_of_the_memory(one_gateway, data, film, suffix):
    one_gateway.start()
    location = one_gateway.submit(film, detail="frames")
    one_gateway.finished(location)
    analysis = lengthen_result(data / "files")
    assert one_gateway.client.get(location).json()["analysis"] == analysis
    process = one_gateway._process.pid
    before = resident_bytes(process)
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(asking(one_gateway.port, location + suffix)) for _ in range(READERS)]
        for reader in readers:
            assert b"200 OK" in reader.recv(4096)
        # What is written ahead of them is written by now.
        time.sleep(3)
        growth = resident_bytes(process) - before
    # All of it would be 6 MB for each.
    assert growth < READERS * 1024 * 1024, f"{growth / READERS / 1024:.0f} KiB for each"


@pytest.mark.timeout(300)
def test_exports_that_many_ask_for_at_once_take_the_memory_of_one(one_gateway, data, film):
    one_gateway.start()
    location = one_gateway.submit(film, detail="frames")
    one_gateway.finished(location)
    analysis = Analysis.model_validate(lengthen_result(data / "files"))
    process = one_gateway._process.pid
    before = resident_bytes(process)
    # An analysis as objects is 100 MB, and there would be six of them.
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(asking(one_gateway.port, location + suffix)) for suffix in SUFFIXES]
        for reader in readers:
            assert b"200 OK" in reader.recv(4096)
        growth = most_resident_bytes(process) - before
    assert growth < 300 * 1024 * 1024, f"{growth / 1024 / 1024:.0f} MiB"
    for export in FORMATS:
        document = one_gateway.client.get(f"{location}.{export.name}").content
        assert document == b"".join(export.pieces(analysis))


def test_the_end_of_a_long_film_is_one_event_however_slowly_it_is_read(
    gateway, house, film, data_folder, monkeypatch
):
    monkeypatch.setattr(jobs, "_PING_SECONDS", 0.02)
    location = hand_in(gateway, film, options="?detail=frames").headers["location"]
    finished(gateway, location)
    analysis = lengthen_result(data_folder / "files" / location.rpartition("/")[2])
    settings = GatewaySettings(face_url=house.face, speech_url=house.speech, fusion_url=house.fusion)
    with (
        serve(create_app(settings)) as url,
        asking(int(url.rpartition(":")[2]), f"{location}/events") as slow,
    ):
        read = b""
        while piece := slow.recv(1 << 20):
            read += piece
            time.sleep(0.002)
    body = unchunked(read.partition(b"\r\n\r\n")[2]).decode()
    *_, last = body.removesuffix("\r\n\r\n").split("\r\n\r\n")
    number, name, data = last.split("\r\n")
    assert (number, name) == ("id: end", "event: done")
    assert json.loads(data.removeprefix("data: ")) == {"event": "done", "analysis": analysis}
    gateway.delete(location)


def unchunked(body: bytes) -> bytes:
    """Put the chunks of an answer together."""
    whole = bytearray()
    at = 0
    while size := int(body[at : (head := body.index(b"\r\n", at))], 16):
        whole += body[head + 2 : head + 2 + size]
        at = head + 2 + size + 2
    return bytes(whole)


def test_a_follower_of_what_is_erased_meanwhile_is_left_without_an_end(one_gateway, data, film):
    one_gateway.start()
    location = one_gateway.submit(film, detail="frames")
    one_gateway.finished(location)
    lengthen_result(data / "files")
    with asking(one_gateway.port, f"{location}/events") as follower:
        read = b""
        while b"event: done" not in read:
            read += follower.recv(4096)
        assert one_gateway.client.delete(location).status_code == 204
        while piece := follower.recv(1 << 20):
            read += piece
    assert unchunked(read.partition(b"\r\n\r\n")[2])[-1:] != b"\n", "what has no end is no event"
    assert "Traceback" not in one_gateway.log.read_text()


@pytest.mark.parametrize("suffix", ["", ".jsonl"])
def test_an_answer_of_what_is_erased_meanwhile_breaks_off_without_a_fault(one_gateway, data, film, suffix):
    one_gateway.start()
    location = one_gateway.submit(film, detail="frames")
    one_gateway.finished(location)
    lengthen_result(data / "files")
    with asking(one_gateway.port, location + suffix) as reader:
        read = reader.recv(4096)
        assert one_gateway.client.delete(location).status_code == 204
        while piece := reader.recv(1 << 20):
            read += piece
    head, _, body = read.partition(b"\r\n\r\n")
    assert len(body) < int(re.search(rb"content-length: (\d+)", head)[1])
    assert "Traceback" not in one_gateway.log.read_text()
    assert not files_in(data / "files")
