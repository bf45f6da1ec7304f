"""A stream takes what it may and no more, and leaves nothing behind, however it ends."""

import asyncio
import contextlib
import os
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from gateway.live.closing import CODES
from gateway.media import seccomp
from tests import media_files
from tests.cli.processes import children_of, command_of, free_port
from tests.jobs.gateway_process import eventually
from tests.live.client import PICTURE, cut, knock, packet, packets, watch
from tests.live.deaf import talk
from tests.live.gateway_process import LiveGateway, start_live_gateway
from tests.stress.footprint import footprint_of


@pytest.fixture(scope="module")
def process(house, tmp_path_factory):
    with start_live_gateway(house, tmp_path_factory.mktemp("live")) as gateway:
        yield gateway


@pytest.fixture
def nothing_left(process):
    """After the test the gateway holds what it held before."""
    uploads = process.uploads
    before = footprint_of(process.pid, uploads)
    yield
    eventually(lambda: not process.decoders(), "no decoder is left")
    eventually(lambda: process.places_taken() == 0, "no place is taken")
    eventually(
        lambda: not footprint_of(process.pid, uploads).more_than(before),
        f"{footprint_of(process.pid, uploads).more_than(before)}",
    )


async def until(condition, what):
    """Wait, without holding up the connection, until a condition holds."""
    await asyncio.to_thread(eventually, condition, what)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("source", ["pictures", "container"])
async def test_a_lost_connection_frees_everything(process, faces, recordings, source):
    async with watch(process.url, source) as viewer:
        if source == "pictures":
            for _, message in packets(2, faces=faces, voice=media_files.speech(2)):
                await viewer.send(message)
        else:
            await viewer.send(recordings["webm"][:-5000])
        await viewer.until("faces")
        assert len(process.decoders()) == 1
        viewer.connection.transport.abort()
    await until(lambda: not process.decoders(), "the decoder is gone")
    session = viewer.events[0].session
    await until(lambda: process.end_of(session), "the stream has its log line")
    line = process.end_of(session)
    assert line["end"] == "gone"
    assert line["bytes"] > 0
    assert session.startswith("lv_")


@pytest.mark.usefixtures("nothing_left")
async def test_the_decoder_of_a_stream_is_shut_in(process, faces):
    async with watch(process.url, "pictures") as viewer:
        await viewer.send(packet(PICTURE, 0.0, faces[0]))
        await viewer.until("faces")
        (decoder,) = process.decoders()
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{decoder}/status").read_text().splitlines()
        )
        limits = Path(f"/proc/{decoder}/limits").read_text()
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == ("2" if seccomp.available() else "0")
    assert re.search(r"Max open files +5 +5 ", limits)
    assert re.search(r"Max file size +0 +0 ", limits)


@pytest.mark.usefixtures("nothing_left")
async def test_a_decoder_that_is_killed(process, faces):
    async with watch(process.url, "pictures") as viewer:
        await viewer.send(packet(PICTURE, 0.0, faces[0]))
        await viewer.until("faces")
        os.kill(process.decoders()[0], signal.SIGKILL)
        code, reason = await viewer.to_the_end()
    assert (code, reason.partition(":")[0]) == (1013, "service-unavailable")


@pytest.mark.usefixtures("nothing_left")
async def test_a_decoder_that_is_stopped(process, faces):
    """Nothing reads the pipe any more: the connection is not read further, and ends in a clear refusal."""
    async with watch(process.url, "pictures") as viewer:
        await viewer.send(packet(PICTURE, 0.0, faces[0]))
        await viewer.until("faces")
        os.kill(process.decoders()[0], signal.SIGSTOP)
        for _, message in packets(60, faces=faces, start=1.0):
            await viewer.send(message)
        code, reason = await viewer.to_the_end()
    assert (code, reason.partition(":")[0]) == (1013, "service-unavailable")


@pytest.mark.usefixtures("nothing_left")
def test_a_slow_reader_is_cut_off(process):
    # The line of the stream before may still be on its way.
    lines = len(process.ends())
    with talk(process.url) as client:
        client.ping_until(lambda: "reader-too-slow" in [line["end"] for line in process.ends()[lines:]])
        # Nothing is read, so no close frame is answered and no buffer ever empties.
        eventually(lambda: not client.is_held(), "the connection is cut off")


@pytest.mark.usefixtures("nothing_left")
async def test_ten_viewers_have_a_fair_share_or_a_clear_refusal(house, live_gateway, faces, process):
    wanted = 16
    with live_gateway(live={"max_streams": 8}) as url:
        async with contextlib.AsyncExitStack() as stack:
            viewers = [await stack.enter_async_context(knock(url)) for _ in range(10)]
            inside, refused = [], []
            for viewer in viewers:
                await viewer.say(event="open", source="pictures")
                (inside if (await viewer.next()).event == "ready" else refused).append(viewer)
            assert len(inside) == 8
            assert [await viewer.to_the_end() for viewer in refused] == [refused_as_full()] * 2

            async def watch_until_the_first_is_done(viewer):
                for number in range(wanted):
                    await viewer.send(packet(PICTURE, number / 5, faces[number]))
                    await viewer.until("faces")

            tasks = [asyncio.create_task(watch_until_the_first_is_done(viewer)) for viewer in inside]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            shares = [len(viewer.all("faces")) for viewer in inside]
    assert max(shares) == wanted
    # Each has one call under way at a time; what is left to chance is how the system runs the decoders.
    assert min(shares) >= wanted / 8, shares


def refused_as_full() -> tuple[int, str]:
    return 1013, "overloaded: As many live streams run as this server takes."


class FaceProcess:
    """A face_service that a test can kill."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "EMOTION_PORT": str(self.port)}
        command = [sys.executable, "-m", "face_service"]
        self._process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        eventually(self._is_ready, "face_service is ready")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health/ready", timeout=10).is_success
        return False


async def test_a_service_that_dies_and_one_that_comes_back(live_gateway, faces):
    service = FaceProcess()
    service.start()
    try:
        with live_gateway(face_url=service.url, live={"unread_seconds": 5.0}) as url:
            async with watch(url, "pictures") as viewer:
                sending = asyncio.create_task(keep_sending(viewer, faces))
                await viewer.until("faces")
                await asyncio.to_thread(service.kill)
                assert (await viewer.until("notice")).notice.code == "face-unavailable"
                # Longer than nothing may be read: there is a voice.
                await asyncio.to_thread(service.start)
                while (await viewer.until("notice")).notice.code != "face-back":
                    pass
                await viewer.until("faces")
                sending.cancel()
            async with watch(url, "pictures", modalities=["face"]) as viewer:
                sending = asyncio.create_task(keep_sending(viewer, faces))
                await viewer.until("faces")
                await asyncio.to_thread(service.kill)
                code, reason = await viewer.to_the_end()
                sending.cancel()
    finally:
        service.kill()
    assert (code, reason.partition(":")[0]) == (1013, "service-unavailable")
    assert "face-unavailable" in {event.notice.code for event in viewer.all("notice")}


@pytest.mark.parametrize("muted_after", [0, 40], ids=["no sound was sent", "the microphone is muted"])
async def test_a_stream_of_which_nothing_can_be_read_any_more_ends(live_gateway, faces, muted_after):
    service = FaceProcess()
    service.start()
    try:
        with live_gateway(face_url=service.url, live={"unread_seconds": 5.0}) as url:
            async with watch(url, "pictures") as viewer:
                sending = asyncio.create_task(keep_sending(viewer, faces, muted_after=muted_after))
                await viewer.until("faces")
                while muted_after and not (await viewer.until("progress")).sound.read:
                    pass
                await asyncio.to_thread(service.kill)
                async with asyncio.timeout(60):
                    code, reason = await viewer.to_the_end()
                sending.cancel()
    finally:
        service.kill()
    assert (code, reason.partition(":")[0]) == (1013, "service-unavailable")


async def keep_sending(viewer, faces, *, muted_after=100_000):
    """A camera and a microphone, until cancelled; so many fifths of a second have sound."""
    for number in range(100_000):
        voice = media_files.speech(1) if number < muted_after else None
        for _, message in packets(0.2, faces=faces, voice=voice, chunk=0.2, start=number / 5):
            await viewer.send(message)
        await asyncio.sleep(0.05)


async def test_a_server_that_stops_says_so(house, tmp_path, faces):
    gateway = LiveGateway(house, tmp_path)
    gateway.start()
    try:
        async with watch(gateway.url, "pictures") as viewer:
            await viewer.send(packet(PICTURE, 0.0, faces[0]))
            await viewer.until("faces")
            children = children_of(gateway.pid)
            await asyncio.to_thread(gateway.stop)
            assert (await viewer.to_the_end())[0] == 1012
    finally:
        gateway.stop()
    eventually(lambda: not any(command_of(pid) for pid in children), "no process is left")
    assert gateway.ends()[-1]["end"] == "gone"


@pytest.mark.usefixtures("nothing_left")
async def test_a_stream_has_one_log_line_without_anything_that_was_sent(process, faces):
    async with watch(process.url, "pictures", key="emo_not_asked_for") as viewer:
        for _, message in packets(1, faces=faces):
            await viewer.send(message)
        await viewer.say(event="end")
        await viewer.to_the_end()
    session = viewer.events[0].session
    await until(lambda: process.end_of(session), "its line is there")
    (line,) = [line for line in process.lines() if line.get("request_id") == session]
    assert (line["end"], line["code"]) == ("done", 1000)
    assert line["frames"]["received"] == 5
    log = process.log.read_text()
    assert "emo_not_asked_for" not in log
    assert "/v1/live" not in log
    metrics = process.client.get("/metrics").text
    assert 'emotion_live_streams_total{code="1000",end="done"}' in metrics
    assert 'emotion_live_frames_total{fate="read"}' in metrics


def rubbish(chance: random.Random, faces, recording) -> list[bytes | str]:
    """A stream with something wrong in it: bytes changed, cut out, put in, in the wrong order, or words."""
    if chance.random() < 0.5:
        messages = [message for _, message in packets(2, faces=faces, voice=media_files.speech(2))]
    else:
        messages = list(cut(recording[:60_000], [chance.randint(1, 8000) for _ in range(20)]))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(messages))
        broken = bytearray(messages[at] if isinstance(messages[at], bytes) else b"")
        match chance.randrange(6):
            case 0:
                for _ in range(chance.randint(1, 50)):
                    if broken:
                        broken[chance.randrange(len(broken))] = chance.randrange(256)
                messages[at] = bytes(broken)
            case 1:
                messages[at] = bytes(broken[: chance.randrange(len(broken) + 1)])
            case 2:
                messages[at] = chance.randbytes(chance.randrange(2000))
            case 3:
                chance.shuffle(messages)
            case 4:
                messages.insert(at, chance.choice(["", "{}", "null", '{"event": "open"}', "\u0000", "🙂"]))
            case _:
                messages.insert(at, messages[at])
    return messages


async def send_rubbish(process, seed, faces, recording):
    chance = random.Random(seed)
    messages = rubbish(chance, faces, recording)
    source = chance.choice(["pictures", "container"])
    async with watch(process.url, source) as viewer:
        for message in messages:
            await viewer.send(message)
        await viewer.say(event="end")
        code, reason = await viewer.to_the_end()
    name = reason.partition(":")[0]
    assert (code, name) == (1000, "done") or CODES.get(name) == code, (seed, code, reason)


@pytest.mark.usefixtures("nothing_left")
async def test_rubbish_ends_in_a_clear_close(process, faces, recordings):
    for seed in range(40):
        await send_rubbish(process, seed, faces, recordings["webm"])
    assert process.client.get("/health/live").is_success
    assert not process.errors()


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("nothing_left")
async def test_a_lot_of_rubbish_ends_in_a_clear_close(process, faces, recordings):
    for seed in range(1000, 3000):
        await send_rubbish(process, seed, faces, recordings["mp4" if seed % 2 else "webm"])
    assert not process.errors()
