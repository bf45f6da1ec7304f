"""What a live session shows: a camera sees a moving face, a microphone hears a voice, a real house behind."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.page.devices import WATCH_DEVICES
from tests.page.live_session import go_live, record_of, stop, wait_for_faces
from tests.page.visitor import Visitor
from tests.servers import House

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def told(visitor: Visitor) -> Iterator[list[dict[str, Any]]]:
    """What the server sends through the WebSocket."""
    events: list[dict[str, Any]] = []

    def listen(socket: Any) -> None:
        socket.on("framereceived", lambda payload: events.append(json.loads(payload)))

    visitor.page.on("websocket", listen)
    yield events
    visitor.page.remove_listener("websocket", listen)


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
