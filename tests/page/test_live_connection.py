"""The live door and its server: one that goes away, is full or asks for a key, a connection that is lost."""

import contextlib
import json
import struct
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from gateway.app import create_app
from gateway.callers import hash_key, new_key
from gateway.live.settings import LiveSettings
from gateway.settings import GatewaySettings
from tests.page.devices import WATCH_DEVICES
from tests.page.live_session import go_live, record_of, stop, wait_for_faces
from tests.page.visitor import Visitor
from tests.servers import House, serve


def gateway_of(house: House, **settings: Any) -> GatewaySettings:
    """Settings of one more gateway before the same services."""
    return GatewaySettings(face_url=house.face, speech_url=house.speech, fusion_url=house.fusion, **settings)


def test_a_server_that_goes_away_says_so_and_what_was_seen_stays(browser, house: House, expect):
    with contextlib.ExitStack() as stack:
        server = contextlib.ExitStack()
        stack.enter_context(server)
        origin = server.enter_context(serve(create_app(gateway_of(house))))
        visitor = stack.enter_context(Visitor.arrive(browser, origin))
        page = visitor.page
        page.evaluate(WATCH_DEVICES)
        go_live(page)
        wait_for_faces(page)
        server.close()
        page.wait_for_selector("#live[data-state=broken]")
        expect(page.locator("#live .problem")).to_contain_text("what was seen so far stays here")
        expect(page.locator(".live-review .names .lane span").first).to_have_text("Fused")
        assert set(page.evaluate("window.opened.map(track => track.readyState)")) == {"ended"}
        # It is still away, and the page says so instead of waiting.
        page.get_by_role("button", name="Connect again").click()
        expect(page.locator("#live .problem")).to_contain_text("could not be made")
        visitor.faults = [fault for fault in visitor.faults if "ERR_CONNECTION_REFUSED" not in fault]


def test_a_connection_that_is_lost_goes_on_after_another(visitor: Visitor, tmp_path: Path):
    page = visitor.page
    sockets = []

    def between(socket: Any) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    page.route_web_socket("**/v1/live", between)
    go_live(page)
    wait_for_faces(page)
    page.wait_for_selector(".minute .lane.voice .bands path", state="attached")
    sockets[0].close(code=1012)
    page.wait_for_selector("#live[data-state=broken]")
    page.get_by_role("button", name="Connect again").click()
    page.wait_for_selector("#live[data-state=live]")
    wait_for_faces(page)
    stop(page)
    record = record_of(page, tmp_path / "live.json")
    first, second = record["streams"]
    assert first["start"] == 0 < second["start"]
    times = [frame["t"] for frame in record["frames"]]
    assert times == sorted(times)
    assert times[-1] > second["start"]
    people = [{face["person"] for face in frame["faces"]} for frame in record["frames"]]
    before = set().union(*(ids for ids, t in zip(people, times, strict=True) if t < second["start"]))
    after = set().union(*(ids for ids, t in zip(people, times, strict=True) if t > second["start"]))
    # A new stream knows nobody from the one before: its people have numbers of their own.
    assert not (before & after) - {None}


def test_sound_does_not_run_ahead_of_the_pictures_after_a_busy_moment(visitor: Visitor):
    page = visitor.page
    sent: list[tuple[int, float]] = []

    def note(payload: str | bytes) -> None:
        if isinstance(payload, bytes):
            sent.append(struct.unpack(">B7xd", payload[:16]))

    page.on("websocket", lambda socket: socket.on("framesent", note))
    go_live(page)
    wait_for_faces(page)
    page.evaluate("const end = performance.now() + 4000; while (performance.now() < end);")
    page.wait_for_timeout(1500)
    picture, sound = (max(t for kind, t in sent if kind == wanted) for wanted in (1, 2))
    assert sound < picture + 1
    stop(page)


def test_a_full_server_is_named_and_tried_again(browser, house: House, expect):
    settings = gateway_of(house, live=LiveSettings(max_streams=1))
    with (
        serve(create_app(settings)) as origin,
        Visitor.arrive(browser, origin) as visitor,
    ):
        page = visitor.page
        with connect(f"{origin.replace('http', 'ws')}/v1/live") as other:
            other.send(json.dumps({"event": "open", "source": "pictures"}))
            assert json.loads(other.recv(timeout=60))["event"] == "ready"
            page.get_by_role("button", name="Go live", exact=True).click()
            expect(page.locator("#live .problem")).to_contain_text("Overloaded")
        give_up = time.monotonic() + 60
        while page.locator("#live[data-state=live]").count() == 0:  # the other's place is free in a moment
            assert time.monotonic() < give_up
            page.get_by_role("button", name="Connect again").click()
            page.wait_for_selector("#live[data-state=live], #live[data-state=broken]")
        wait_for_faces(page)
        stop(page)


def test_a_server_with_keys_asks_for_one(browser, house: House):
    key = new_key()
    with (
        serve(create_app(gateway_of(house, api_keys=hash_key(key)))) as origin,
        Visitor.arrive(browser, origin) as visitor,
    ):
        page = visitor.page
        page.get_by_role("button", name="Go live", exact=True).click()
        page.locator("#live .problem").get_by_label("API key").fill(key)
        page.get_by_role("button", name="Use this key").click()
        page.wait_for_selector("#live[data-state=live]")
        wait_for_faces(page)
        stop(page)
        visitor.forgive(401)  # the limits, asked for before the key was there
