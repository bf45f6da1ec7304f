"""Every way in which a stream ends has a close code, a reason, and before it a problem document."""

import asyncio
import json
import logging
import struct
import time

import pytest
from websockets.exceptions import InvalidStatus

from gateway.callers import hash_key, new_key
from gateway.live import stream
from gateway.live.closing import CODES, close_code, close_reason
from shared.contracts.problems import CATALOGUE, Problem
from tests import media_files
from tests.jobs.gateway_process import eventually
from tests.live.client import PICTURE, SOUND, knock, packet, packets, watch
from tests.live.gateway_process import samples

OPEN = {"event": "open", "source": "pictures"}


async def end_of(viewer, code, name):
    """The stream has ended as it should; give the problem document."""
    ended, reason = await viewer.to_the_end()
    assert (ended, reason.partition(":")[0]) == (code, name)
    problem = viewer.events[-1].problem
    assert problem.type == f"/problems/{name}"
    assert problem.remedy
    assert close_code(Problem(name, "")) == code
    return problem


def test_every_code_is_of_a_known_problem():
    assert CODES.keys() <= CATALOGUE.keys()


def test_a_reason_fits_into_its_frame():
    reason = close_reason(Problem("too-fast", "ä" * 200))
    assert len(reason.encode()) <= 123
    assert reason.startswith("too-fast: ä")


@pytest.mark.parametrize(
    ("first", "code", "name"),
    [
        ("rubbish", 1007, "bad-request"),
        ("[1, 2]", 1003, "unexpected-message"),
        ("{}", 1003, "unexpected-message"),
        ('{"event": "end"}', 1003, "unexpected-message"),
        ('{"event": "shut"}', 1003, "unexpected-message"),
        (b"\x1a\x45\xdf\xa3", 1003, "unexpected-message"),
        ('{"event": "open"}', 1007, "bad-parameter"),
        ('{"event": "open", "source": "tape"}', 1007, "bad-parameter"),
        ('{"event": "open", "source": "pictures", "fps": 1000}', 1007, "bad-parameter"),
        ('{"event": "open", "source": "pictures", "fps": NaN}', 1007, "bad-parameter"),
        ('{"event": "open", "source": "pictures", "modalities": []}', 1007, "bad-parameter"),
        ('{"event": "open", "source": "pictures", "modalities": ["face", "face"]}', 1007, "bad-parameter"),
        ('{"event": "open", "source": "pictures", "file": "/etc/passwd"}', 1007, "bad-parameter"),
        ("[" * 50_000, 1009, "message-too-large"),
    ],
)
async def test_a_wrong_first_message(hurried, first, code, name):
    async with knock(hurried) as viewer:
        await viewer.send(first)
        problem = await end_of(viewer, code, name)
    assert "/etc/passwd" not in problem.detail


async def test_a_strategy_without_its_modality(hurried):
    async with knock(hurried) as viewer:
        await viewer.say(**OPEN, modalities=["face"], strategy="speech")
        problem = await end_of(viewer, 1007, "bad-parameter")
    assert problem.field == "strategy"
    assert problem.detail == "strategy: speech needs speech among the modalities."
    async with watch(hurried, "pictures", modalities=["face"], strategy="face") as viewer:
        await viewer.say(event="end")
        assert await viewer.to_the_end() == (1000, "done")


async def test_no_first_message(live_gateway):
    with live_gateway(live={"opening_seconds": 0.2}) as url:
        async with knock(url) as viewer:
            await end_of(viewer, 1008, "stream-idle")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1", "http://["]
)
async def test_a_page_of_another_origin(hurried, origin):
    async with knock(hurried, origin=origin) as viewer:
        await end_of(viewer, 1008, "wrong-origin")


async def test_our_own_page_and_those_that_are_named(live_gateway):
    with live_gateway(cors_origins="https://app.example") as url:
        for origin in (url, "https://app.example", None):
            async with knock(url, origin=origin) as viewer:
                await viewer.say(**OPEN)
                await viewer.until("ready")


async def test_any_page_where_all_may_ask(live_gateway):
    with live_gateway(cors_origins="*") as url:
        async with knock(url, origin="https://anywhere.example") as viewer:
            await viewer.say(**OPEN)
            await viewer.until("ready")


async def test_keys(live_gateway):
    key = new_key()
    with live_gateway(api_keys=hash_key(key)) as url:
        for wrong in (None, "", "emo_wrong", hash_key(key)):
            async with knock(url) as viewer:
                await viewer.say(**OPEN, key=wrong)
                await end_of(viewer, 1008, "unauthorized")
        async with knock(url) as viewer:
            await viewer.say(**OPEN, key=key)
            ready = await viewer.until("ready")
            assert ready.options.key is None
        async with watch(url, "pictures", headers={"Authorization": f"Bearer {key}"}):
            pass


async def test_the_subprotocol_is_confirmed(hurried):
    async with knock(hurried, subprotocols=["emotion.live.1"]) as viewer:
        assert viewer.connection.subprotocol == "emotion.live.1"


async def test_other_addresses_take_no_websocket(hurried):
    address = hurried.replace("http", "ws", 1)
    from websockets.asyncio.client import connect  # noqa: PLC0415

    for path in ("/v1/analyses", "/", "/v1/live/more"):
        with pytest.raises(InvalidStatus) as refused:
            await connect(address + path, proxy=None)
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("message", "code", "name"),
    [
        (json.dumps(OPEN), 1003, "unexpected-message"),
        ("rubbish", 1007, "bad-request"),
        (b"", 1007, "damaged-media"),
        (b"rubbish, and more of it than a header", 1007, "damaged-media"),
        (packet(PICTURE, 0.0, b"no picture"), 1007, "damaged-media"),
        (packet(PICTURE, 0.0, b"\xff\xd8\xff\xe0 and no more"), 1007, "damaged-media"),
        (packet(PICTURE, -1.0, b"\xff\xd8\xff"), 1007, "damaged-media"),
        (packet(PICTURE, float("nan"), b"\xff\xd8\xff"), 1007, "damaged-media"),
        (packet(3, 0.0, b"\xff\xd8\xff"), 1007, "damaged-media"),
        (struct.pack(">B7sd", 1, b"1234567", 0.0) + b"\xff\xd8\xff", 1007, "damaged-media"),
        (packet(SOUND, 0.0, b"odd"), 1007, "damaged-media"),
        (packet(SOUND, 0.0, bytes(100_000)), 1007, "damaged-media"),
        (packet(PICTURE, 0.0, bytes((2 << 20) + 1)), 1009, "message-too-large"),
        ("x" * 10_000, 1009, "message-too-large"),
    ],
)
async def test_wrong_packets(hurried, message, code, name):
    async with watch(hurried, "pictures") as viewer:
        await viewer.send(message)
        await end_of(viewer, code, name)


async def test_a_message_beyond_what_the_connection_takes(hurried):
    async with watch(hurried, "pictures") as viewer:
        await viewer.send(bytes((4 << 20) + 1))
        assert (await viewer.to_the_end())[0] == 1009


async def test_a_first_message_that_is_no_opening_is_not_even_kept(hurried):
    async with knock(hurried) as viewer:
        await viewer.send(bytes((64 << 10) + 1))
        code, reason = await viewer.to_the_end()
    assert code == 1009
    assert "65536" in reason
    assert viewer.events == []


async def test_text_that_is_no_utf8_is_no_fault_of_the_server(hurried, caplog):
    async with watch(hurried, "pictures") as viewer:
        await viewer.connection.send(b"\xff", text=True)
        assert (await viewer.to_the_end())[0] == 1007
    eventually(lambda: samples(hurried)['emotion_live_places{state="taken"}'] == 0, "the stream has ended")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_picture_of_too_many_pixels(hurried, tmp_path):
    bomb = media_files.noise(8000, 6000)
    body = media_files.write_picture(tmp_path / "bomb.jpg", bomb, quality=5).read_bytes()
    async with watch(hurried, "pictures") as viewer:
        await viewer.send(packet(PICTURE, 0.0, body))
        problem = await end_of(viewer, 1008, "media-over-limit")
    assert problem.limit == "max_picture_pixels"


async def test_a_broken_picture_after_good_ones(hurried, faces):
    async with watch(hurried, "pictures") as viewer:
        for _, message in packets(0.6, faces=faces):
            await viewer.send(message)
            await viewer.until("faces")
        await viewer.send(packet(PICTURE, 1.0, faces[0][:2000]))
        await end_of(viewer, 1007, "damaged-media")


@pytest.mark.parametrize("kind", [PICTURE, SOUND])
async def test_times_must_rise(hurried, faces, kind):
    body = faces[0] if kind == PICTURE else bytes(3200)
    async with watch(hurried, "pictures") as viewer:
        await viewer.send(packet(kind, 1.0, body))
        await viewer.send(packet(kind, 1.0, body))
        await end_of(viewer, 1007, "wrong-order")


@pytest.mark.parametrize(
    ("data", "code", "name"),
    [
        (b"rubbish" * 1000, 1003, "unsupported-media"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(2000), 1003, "unsupported-media"),
        (b"\xff\xd8\xff\xe0" + bytes(2000), 1003, "unsupported-media"),
        (b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 40, 1007, "damaged-media"),
        (b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 40, 1007, "damaged-media"),
    ],
)
async def test_a_wrong_container(hurried, data, code, name):
    async with watch(hurried, "container") as viewer:
        await viewer.send(data)
        await viewer.say(event="end")
        await end_of(viewer, code, name)


async def test_the_end_before_anything_came(hurried):
    async with watch(hurried, "container") as viewer:
        await viewer.say(event="end")
        await end_of(viewer, 1007, "empty-upload")
    async with watch(hurried, "pictures") as viewer:
        await viewer.say(event="end")
        assert await viewer.to_the_end() == (1000, "done")
    assert viewer.events[-1].frames.received == 0


async def test_a_container_without_what_was_asked_for(hurried, tmp_path):
    path = media_files.write_film(
        tmp_path / "sound.webm",
        sound=media_files.speech(2, 48_000),
        audio=media_files.AudioSpec(codec="libopus"),
        options={"live": "1"},
    )
    async with watch(hurried, "container", modalities=["face"]) as viewer:
        await viewer.send(path.read_bytes())
        await end_of(viewer, 1003, "nothing-to-analyse")


async def test_media_or_another_end_after_the_end(hurried, faces):
    slow = {"event": "end"}
    for late in (packet(PICTURE, 1.0, faces[0]), json.dumps(slow)):
        async with watch(hurried, "pictures") as viewer:
            # Many pictures, so that the stream is not over before the late message arrives.
            for _, message in packets(5, faces=faces, voice=media_files.speech(5)):
                await viewer.send(message)
            await viewer.send(json.dumps(slow))
            await viewer.send(late)
            await end_of(viewer, 1003, "unexpected-message")


@pytest.mark.parametrize(
    ("live", "name"),
    [
        ({"max_lead_seconds": 1.0}, "too-fast"),
        ({"bytes_per_second": 1024}, "too-fast"),
        ({"messages_per_second": 1}, "too-fast"),
        ({"max_bytes": 20_000}, "stream-too-long"),
    ],
    ids=["time", "bytes", "messages", "all bytes"],
)
async def test_too_much(live_gateway, faces, live, name):
    with live_gateway(live=live) as url:
        async with watch(url, "pictures") as viewer:
            for _, message in packets(20, faces=faces):
                await viewer.send(message)
            await end_of(viewer, 1008, name)


async def test_a_recording_that_comes_too_fast(live_gateway, recordings):
    with live_gateway(live={"max_lead_seconds": 0.5}) as url:
        async with watch(url, "container") as viewer:
            await viewer.send(recordings["webm"])
            await end_of(viewer, 1008, "too-fast")


@pytest.fixture
def impatient(monkeypatch):
    """Streams that wait less long for something to be decoded."""
    monkeypatch.setattr(stream, "_NOTHING_DECODED_SECONDS", 1.0)
    monkeypatch.setattr(stream, "_LONGEST_GAP_SECONDS", 0.2)


@pytest.mark.usefixtures("impatient")
async def test_bytes_of_which_nothing_can_be_made(hurried, recordings):
    header, cluster, _ = recordings["webm"].partition(b"\x1f\x43\xb6\x75")
    assert cluster
    async with watch(hurried, "container") as viewer:
        # An element of WebM to be skipped, longer than any stream.
        await viewer.send(header + b"\xec\x01\x0f" + bytes(6))
        sending = asyncio.create_task(keep_sending(viewer, bytes(100)))
        problem = await end_of(viewer, 1007, "damaged-media")
        sending.cancel()
    assert "nothing can be decoded" in problem.detail


async def keep_sending(viewer, message):
    while True:
        await viewer.send(message)
        await asyncio.sleep(0.02)


@pytest.mark.usefixtures("impatient")
async def test_a_pause_is_no_damage(hurried, recordings):
    recording = recordings["webm"]
    half = len(recording) // 2
    async with watch(hurried, "container") as viewer:
        await viewer.send(recording[:half])
        await viewer.until("faces")
        await asyncio.sleep(1.5)
        # Too little to be decoded, and the clock is looked at before the rest comes.
        await viewer.send(recording[half : half + 1])
        for _ in range(2):
            await viewer.until("progress")
        await viewer.send(recording[half + 1 :])
        await viewer.say(event="end")
        assert (await viewer.to_the_end())[0] == 1000


@pytest.mark.usefixtures("impatient")
async def test_a_frame_seldom_wanted_is_no_damage(hurried, recordings):
    async with watch(hurried, "container", fps=0.1, modalities=["face"]) as viewer:
        recording = recordings["webm"]
        for begin in range(0, len(recording), len(recording) // 15):
            await viewer.send(recording[begin : begin + len(recording) // 15])
            await asyncio.sleep(0.1)
        await viewer.say(event="end")
        assert (await viewer.to_the_end())[0] == 1000


@pytest.mark.parametrize(
    ("live", "name"), [({"idle_seconds": 0.3}, "stream-idle"), ({"max_seconds": 0.3}, "stream-too-long")]
)
async def test_too_long(live_gateway, live, name):
    with live_gateway(live=live) as url:
        async with watch(url, "pictures") as viewer:
            await viewer.say(event="ping")
            await end_of(viewer, 1008, name)


async def test_too_many_streams(live_gateway):
    with live_gateway(live={"max_streams": 1}) as url:
        async with watch(url, "pictures"), knock(url) as second:
            await second.say(**OPEN)
            await end_of(second, 1013, "overloaded")
        await wait_until_open(url)


async def test_too_many_streams_of_one_address(live_gateway):
    with live_gateway(max_analyses_per_caller=1) as url:
        async with watch(url, "pictures"), knock(url) as second:
            await second.say(**OPEN)
            await end_of(second, 1013, "too-many-requests")
        await wait_until_open(url)


async def wait_until_open(url):
    """A place that somebody left is free again."""
    give_up = time.monotonic() + 10
    while True:
        async with knock(url) as viewer:
            await viewer.say(**OPEN)
            if (await viewer.next()).event == "ready":
                return
        assert time.monotonic() < give_up


async def test_what_becomes_of_frames_is_counted_while_the_stream_goes_on(live_gateway, faces):
    with live_gateway() as url:
        async with watch(url, "pictures") as viewer:
            await viewer.send(packet(PICTURE, 0.0, faces[0]))
            await viewer.until("faces")
            await viewer.until("progress")
            counted = samples(url)
            await viewer.send(packet(PICTURE, 1.0, faces[1]))
            await viewer.say(event="end")
            await viewer.to_the_end()
        assert counted['emotion_live_frames_total{fate="read"}'] == 1
        ended = 'emotion_live_streams_total{code="1000",end="done"}'
        await asyncio.to_thread(eventually, lambda: ended in samples(url), "the stream is counted")
        assert samples(url)['emotion_live_frames_total{fate="read"}'] == 2
        assert samples(url)["emotion_live_seconds_total"] == 1.0


@pytest.mark.parametrize(("code", "counted"), [(1001, "1001"), (4321, "other")])
async def test_who_leaves_is_counted_by_a_code_that_is_known(live_gateway, code, counted):
    with live_gateway() as url:
        async with watch(url, "pictures") as viewer:
            await viewer.connection.close(code)
        ended = f'emotion_live_streams_total{{code="{counted}",end="gone"}}'
        await asyncio.to_thread(eventually, lambda: ended in samples(url), "the stream is counted")
