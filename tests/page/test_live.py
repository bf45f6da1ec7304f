"""The live door: a camera that sees a moving face, a microphone that hears a voice, a real house behind."""

import contextlib
import json
import re
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

from gateway.app import create_app
from gateway.callers import hash_key, new_key
from gateway.live.settings import LiveSettings
from gateway.settings import GatewaySettings
from tests.page.conftest import Visitor
from tests.page.devices import HOLD, RELEASE, SECOND_CAMERA, TRACKS, WATCH_DEVICES
from tests.page.test_files import expect
from tests.servers import House, serve

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["expect"]


def gateway_of(house: House, **settings: Any) -> GatewaySettings:
    """Settings of one more gateway before the same services."""
    return GatewaySettings(face_url=house.face, speech_url=house.speech, fusion_url=house.fusion, **settings)


def go_live(page: "Page") -> None:
    """Press the button, and wait until the stream runs."""
    page.get_by_role("button", name="Go live", exact=True).click()
    page.wait_for_selector("#live[data-state=live]")


def stop(page: "Page") -> None:
    """Stop, and wait until the timeline is there to be looked at."""
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector("#live[data-state=over]")


def wait_for_faces(page: "Page") -> None:
    """Wait until a box lies over the live picture."""
    page.wait_for_selector("#live .box:not([hidden])")


@pytest.fixture
def told(visitor: Visitor) -> Iterator[list[dict[str, Any]]]:
    """What the server sends through the WebSocket."""
    events: list[dict[str, Any]] = []

    def listen(socket: Any) -> None:
        socket.on("framereceived", lambda payload: events.append(json.loads(payload)))

    visitor.page.on("websocket", listen)
    yield events
    visitor.page.remove_listener("websocket", listen)


def record_of(page: "Page", path: Path) -> dict[str, Any]:
    """Save the session as JSON, as a visitor does, and read it."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as JSON").click()
    assert waiting.value.suggested_filename.startswith("live ")
    waiting.value.save_as(path)
    return json.loads(path.read_text())


@pytest.mark.parametrize("source", ["pictures", "container"])
def test_face_voice_and_verdict_appear(visitor: Visitor, tmp_path: Path, expect, source: str):
    page = visitor.page
    page.evaluate(WATCH_DEVICES)
    page.get_by_text("Options").click()
    page.get_by_label("Live, send").select_option(source)
    go_live(page)
    wait_for_faces(page)
    verdict = page.get_by_role("region", name="Now")
    expect(verdict.locator("dd").nth(0)).to_contain_text("%")  # the face
    expect(verdict.locator("dd").nth(1)).to_contain_text("%")  # the voice
    expect(verdict.locator(".verdict-share")).to_contain_text("%")
    expect(verdict.locator(".sureness")).to_have_text(re.compile("^(Uncertain|Sure enough)"))
    expect(page.locator(".minute .names span")).to_have_text(["Fused", "Person 1", "Voice"])
    for lane in ("fused", "person", "voice"):
        page.wait_for_selector(f".minute .lane.{lane} .bands path", state="attached")
    expect(page.locator(".live-figures")).to_contain_text("frames dropped as stale")
    if source == "pictures":
        expect(page.locator(".live-figures")).to_contain_text("ms from picture to box")
    expect(page.locator("#live")).to_contain_text("Art. 50(3)")

    stop(page)
    states = page.evaluate("window.opened.map(track => [track.kind, track.readyState]).sort()")
    assert states == [["audio", "ended"], ["video", "ended"]]
    expect(page.locator(".live-review .names .lane span")).to_have_text(["Fused", "Person 1", "Voice"])
    slider = page.get_by_role("slider", name="Position")
    slider.press("End")
    expect(page.locator(".live-review .figures tbody tr")).to_have_count(3)
    record = record_of(page, tmp_path / "live.json")
    assert record["kind"] == "live"
    assert record["streams"][0]["options"]["source"] == source
    assert record["seconds"] > 0
    assert any(frame["faces"] for frame in record["frames"])
    assert record["segments"]
    assert any(each["moment"] and each["moment"]["face"] for each in record["moments"])
    assert record["counts"]["frames"]["read"] == len(record["frames"])


def test_boxes_lie_where_the_face_is_also_in_a_mirror(visitor: Visitor, told: list[dict[str, Any]]):
    page = visitor.page
    go_live(page)
    wait_for_one_of(page, lambda: [1 - box["x"] - box["width"] for box in boxes_of(told)])
    assert page.locator(".stage-frame.mirrored").count() == 1
    page.get_by_role("button", name="Mirror").click()
    wait_for_one_of(page, lambda: [box["x"] for box in boxes_of(told)])
    assert page.locator(".stage-frame.mirrored").count() == 0
    stop(page)


def boxes_of(told: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Every box that the server told of so far."""
    frames = [frame for event in told if event["event"] == "faces" for frame in event["frames"]]
    return [face["box"] for frame in frames for face in frame["faces"]]


def wait_for_one_of(page: "Page", lefts: Callable[[], list[float]]) -> None:
    """Wait until the box that is shown begins at one of these shares of the width."""
    give_up = time.monotonic() + 90
    while True:
        wait_for_faces(page)
        shown = page.evaluate("document.querySelector('#live .box').style.left")
        if shown in [f"{left * 100:.3f}%" for left in lefts()]:
            return
        assert time.monotonic() < give_up, f"{shown} is none of {lefts()}"
        page.wait_for_timeout(50)


@pytest.mark.parametrize(
    ("unwanted", "kind", "lane"), [("faces", "audio", "Voice"), ("voice", "video", "Person 1")]
)
def test_one_of_both_alone(visitor: Visitor, expect, unwanted: str, kind: str, lane: str):
    page = visitor.page
    page.evaluate(WATCH_DEVICES)
    page.get_by_text("Options").click()
    page.get_by_label(unwanted, exact=True).uncheck()
    go_live(page)
    expect(page.locator(".minute .names span")).to_have_text([lane])
    page.wait_for_selector(".minute .bands path", state="attached")
    expect(page.locator("#live .stage video")).to_have_count(int(kind == "video"))
    assert page.evaluate("window.opened.map(track => track.kind)") == [kind]
    stop(page)


def test_a_recorder_of_sound_alone(visitor: Visitor, expect):
    page = visitor.page
    page.get_by_text("Options").click()
    page.get_by_label("faces", exact=True).uncheck()
    page.get_by_label("Live, send").select_option("container")
    go_live(page)
    page.wait_for_selector(".minute .lane.voice .bands path", state="attached")
    stop(page)


def test_another_camera_takes_over(visitor: Visitor, expect):
    page = visitor.page
    page.evaluate(SECOND_CAMERA)
    page.evaluate(WATCH_DEVICES)
    go_live(page)
    wait_for_faces(page)
    page.get_by_label("Camera", exact=True).select_option("Second camera")
    page.wait_for_function("() => window.opened.length === 3")
    assert page.evaluate("window.asked") == "second"
    states = page.evaluate("window.opened.map(track => `${track.kind} ${track.readyState}`)")
    assert sorted(states) == ["audio live", "video ended", "video live"]
    page.evaluate("document.querySelector('#live .box').hidden = true")
    wait_for_faces(page)  # those that the other one sees
    stop(page)
    assert set(page.evaluate("window.opened.map(track => track.readyState)")) == {"ended"}


def test_a_camera_that_opens_after_stop_is_closed_again(visitor: Visitor):
    page = visitor.page
    page.evaluate(SECOND_CAMERA)
    page.evaluate(WATCH_DEVICES)
    go_live(page)
    page.evaluate(HOLD, "getUserMedia")
    page.get_by_label("Camera", exact=True).select_option("Second camera")
    page.wait_for_function("() => window.held.length === 1")
    stop(page)
    page.evaluate(RELEASE, [0])
    assert page.evaluate(TRACKS) == ["audio ended", "video ended", "video ended"]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_of_two_cameras_asked_for_the_later_one_stays(visitor: Visitor, order: list[int]):
    page = visitor.page
    page.evaluate(SECOND_CAMERA)
    page.evaluate(WATCH_DEVICES)
    go_live(page)
    choice = page.get_by_label("Camera", exact=True)
    first = choice.input_value()
    page.evaluate(HOLD, "getUserMedia")
    choice.select_option("Second camera")
    choice.select_option(first)
    page.wait_for_function("() => window.held.length === 2")
    page.evaluate(RELEASE, order)
    assert page.evaluate(TRACKS) == ["audio live", "video ended", "video ended", "video live"]
    shown = "document.querySelector('#live video').srcObject.getVideoTracks().map(track => track.id)"
    assert page.evaluate(shown) == [page.evaluate("window.opened.at(-1).id")]
    stop(page)


@pytest.mark.parametrize("step", ["getUserMedia", "enumerateDevices"])
def test_who_leaves_while_the_devices_open_is_not_seen(visitor: Visitor, expect, step: str):
    page = visitor.page
    page.evaluate(WATCH_DEVICES)
    page.evaluate(HOLD, step)
    page.get_by_role("button", name="Go live", exact=True).click()
    page.wait_for_function("() => window.held.length === 1")
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    page.evaluate(RELEASE, [0])
    assert page.evaluate(TRACKS) == ["audio ended", "video ended"]
    expect(page.locator("#live")).to_be_hidden()


@pytest.mark.parametrize("leans", [True, False])
def test_a_voice_leans_on_what_is_usual_for_it_unless_told_not_to(
    visitor: Visitor, tmp_path: Path, expect, *, leans: bool
):
    page = visitor.page
    page.get_by_text("Options").click()
    page.get_by_label("faces", exact=True).uncheck()
    page.get_by_label("lean on what is usual for it").set_checked(leans)
    go_live(page)
    if leans:  # it takes five stretches of it, of up to three seconds
        expect(page.locator(".leaning")).to_contain_text("leans on what is usual for this voice from")
    else:
        expect(page.get_by_role("region", name="Now").locator("dd").nth(1)).to_contain_text("%")
    stop(page)
    record = record_of(page, tmp_path / "live.json")
    assert record["streams"][0]["options"]["baseline"] == ("auto" if leans else "off")
    assert any(each["baseline"] for each in record["moments"]) == leans


def test_what_is_missing_is_said(visitor: Visitor, expect):
    page = visitor.page
    deny = """name => {
        window.allowed ??= navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = (wanted) => (wanted.video || name === "NotAllowedError"
            ? Promise.reject(new DOMException("no", name)) : window.allowed(wanted));
    }"""
    page.evaluate(deny, "NotAllowedError")
    page.get_by_role("button", name="Go live", exact=True).click()
    expect(page.locator("#live .problem")).to_contain_text("Allow it next to the address")
    expect(page.get_by_role("button", name="Connect again")).to_be_focused()
    # Now it is allowed, and there is no camera.
    page.evaluate(deny, "NotFoundError")
    page.get_by_role("button", name="Connect again").click()
    page.wait_for_selector("#live[data-state=live]")
    expect(page.locator("#live").get_by_role("note")).to_contain_text("No camera was found")
    expect(page.locator(".minute .names span")).to_have_text(["Voice"])
    stop(page)
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#live")).to_be_hidden()
    expect(page.get_by_role("button", name="Go live", exact=True)).to_be_focused()


def test_over_plain_http_from_elsewhere_the_page_says_why_not(visitor: Visitor, expect):
    page = visitor.page
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', {value: false})")
    page.reload()
    expect(page.locator("#camera-note")).to_contain_text("over https only")
    for name in ("Go live", "Camera", "Microphone only"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-disabled", "true")


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


def test_with_the_keyboard_alone(visitor: Visitor, expect):
    page = visitor.page
    page.get_by_role("button", name="Choose files").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Go live", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_selector("#live[data-state=live]")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    expect(page.locator("#announcer")).to_have_text(re.compile(r"^(Live\.|Now: )"))
    wait_for_faces(page)
    page.keyboard.press("Shift+Tab")
    mirror = page.get_by_role("button", name="Mirror")
    expect(mirror).to_be_focused()
    page.keyboard.press("Space")
    expect(mirror).to_have_attribute("aria-pressed", "false")
    page.wait_for_selector(".live-verdict .verdict-share")
    expect(page.locator("#announcer")).to_contain_text("Now: ")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#live[data-state=over]")
    expect(page.get_by_role("button", name="Go live again")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_selector("#live[data-state=live]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#live[data-state=over]")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark"), (320, "light")])
def test_axe_finds_nothing_and_nothing_sticks_out(browser, house: House, expect, *, width: int, scheme: str):
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - only where there is a browser

    axe = Axe()

    def judge(page: "Page") -> None:
        found = axe.run(page).response["violations"]
        assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []
        assert visitor.sticking_out() == []

    with Visitor.arrive(browser, house.gateway, width=width, scheme=scheme) as visitor:
        page = visitor.page
        go_live(page)
        wait_for_faces(page)
        page.wait_for_selector(".live-verdict .verdict-share")
        page.wait_for_selector(".minute .lane.voice .bands path", state="attached")
        judge(page)
        stop(page)
        page.get_by_text("The timeline as a table").click()
        expect(page.locator(".live-review .moments tbody tr").first).to_be_visible()
        judge(page)
        page.evaluate("""() => {
            const no = new DOMException("no", "NotAllowedError");
            navigator.mediaDevices.getUserMedia = () => Promise.reject(no);
        }""")
        page.get_by_role("button", name="Go live again").click()
        page.wait_for_selector("#live[data-state=broken]")
        judge(page)
