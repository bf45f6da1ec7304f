"""Who does not read its events is told so and cut off, and meanwhile the server keeps little for it."""

import logging

import pytest

from gateway.live import door, outbox
from shared import run, websocket_protocol
from tests.jobs.gateway_process import eventually
from tests.live.deaf import talk
from tests.live.gateway_process import samples

FOR_EVER = 100_000.0
TOO_SLOW = "reader-too-slow"


@pytest.fixture
def without_keepalive(monkeypatch):
    """Who reads nothing answers no ping either: on a slow machine that would end the stream first."""
    monkeypatch.setattr(run, "PING_SECONDS", FOR_EVER)


def refusals(url: str) -> float:
    """Streams that the gateway has decided to end for their readers."""
    return samples(url).get(f'emotion_refusals_total{{problem="{TOO_SLOW}"}}', 0)


def check_gone(url: str, client) -> None:
    """Though nothing was read, nothing is held any more."""
    ended = f'emotion_live_streams_total{{code="1008",end="{TOO_SLOW}"}}'
    eventually(lambda: samples(url).get(ended) == 1, "the stream has ended")
    eventually(lambda: samples(url)['emotion_live_places{state="taken"}'] == 0, "its place is free")
    eventually(lambda: not client.is_held(), "its connection is cut off")


@pytest.mark.usefixtures("without_keepalive")
def test_only_so_many_events_wait_for_a_reader(live_gateway):
    with live_gateway(live={"send_seconds": FOR_EVER}) as url, talk(url) as client:
        assert client.is_held()
        client.ping_until(lambda: refusals(url))
        check_gone(url, client)


@pytest.mark.usefixtures("without_keepalive")
def test_an_event_waits_only_so_long_for_its_reader(live_gateway, monkeypatch):
    monkeypatch.setattr(outbox, "_MOST_WAITING", 0)  # asyncio's word for any number
    with live_gateway(live={"send_seconds": 0.5}) as url, talk(url) as client:
        client.ping_until(lambda: refusals(url))
        check_gone(url, client)


@pytest.mark.usefixtures("without_keepalive")
def test_who_reads_again_is_told_why_it_ends(live_gateway, monkeypatch):
    """The server waits a moment for that: here as long as this machine takes."""
    monkeypatch.setattr(door, "_FAREWELL_SECONDS", FOR_EVER)
    monkeypatch.setattr(websocket_protocol, "_CLOSE_SECONDS", FOR_EVER)
    with live_gateway() as url, talk(url) as client:
        client.ping_until(lambda: refusals(url))
        events, code, reason = client.read_to_the_end()
    assert events[0]["event"] == "ready"
    assert events[-1]["problem"]["type"] == f"/problems/{TOO_SLOW}"
    assert (code, reason) == (
        1008,
        f"{TOO_SLOW}: The events of this stream are not read as fast as they come.",
    )


@pytest.mark.parametrize("buffer_bytes", [64 << 10, 1 << 30], ids=["full buffers", "room in the buffers"])
def test_who_answers_no_ping_of_the_connection_is_gone(live_gateway, monkeypatch, caplog, buffer_bytes):
    """As a laptop that has been shut: events wait for it, and nothing of it comes any more."""
    monkeypatch.setattr(run, "PING_SECONDS", 2.0)
    monkeypatch.setattr(websocket_protocol, "_SEND_BUFFER_BYTES", buffer_bytes)
    monkeypatch.setattr(outbox, "_MOST_WAITING", 0)
    with live_gateway(live={"send_seconds": FOR_EVER}) as url, talk(url) as client:
        client.ping(15_000)
        eventually(lambda: any('end="gone"' in name for name in samples(url)), "the stream has ended")
        eventually(lambda: not client.is_held(), "its connection is cut off")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_who_reads_may_ask_a_lot_at_once(hurried):
    with talk(hurried) as client:
        client.ping(2000)
        client.say(event="end")
        events, code, reason = client.read_to_the_end()
    assert (code, reason) == (1000, "done")
    assert [event["event"] for event in events].count("pong") == 2000
