"""The camera door: Chromium's camera sees a moving face, its microphone hears a voice."""

from typing import TYPE_CHECKING

import pytest

from tests.page.conftest import Visitor
from tests.page.devices import HOLD, RELEASE, TRACKS, WATCH_DEVICES

if TYPE_CHECKING:
    from playwright.sync_api import Page


WATCH_THE_COUNT = """() => {
    window.counted = [];
    const note = () => window.counted.push(document.querySelector("#studio .countdown")?.textContent);
    new MutationObserver(note).observe(document.getElementById("studio"), { subtree: true, childList: true });
}"""


def stop_after_two_seconds(page: "Page") -> None:
    """Stop the recording, unless a very slow machine has come to the end of the ten seconds by then."""
    page.wait_for_function("() => window.counted.includes('8 s')")
    page.get_by_role("button", name="Stop and analyse").evaluate_all("found => found[0]?.click()")


def test_a_clip(visitor: Visitor, expect):
    page = visitor.page
    page.get_by_role("button", name="Camera", exact=True).click()
    page.wait_for_function("() => document.querySelector('#studio video')?.videoWidth > 0")
    page.evaluate(WATCH_THE_COUNT)
    page.get_by_role("button", name="Record a clip").click()
    stop_after_two_seconds(page)
    visitor.wait_for("done")
    expect(page.locator("#studio")).to_be_hidden()
    analysis = visitor.answer()
    assert (analysis["media"]["kind"], analysis["media"]["container"]) == ("film", "webm")
    assert analysis["media"]["audio"] is not None
    assert len(analysis["people"]) >= 1
    expect(page.locator(".stage video")).to_be_visible()
    # The clip says neither how long it is nor where its pictures are; it can be wound all the same.
    page.get_by_role("slider").press("End")
    end = analysis["media"]["seconds"]
    at_end = "at => Math.abs(document.querySelector('.stage video').currentTime - at) < 0.3"
    page.wait_for_function(at_end, arg=end)


def test_a_picture(visitor: Visitor, expect):
    page = visitor.page
    page.get_by_role("button", name="Camera", exact=True).click()
    page.wait_for_function("() => document.querySelector('#studio video')?.videoWidth > 0")
    page.get_by_role("button", name="Take a picture").click()
    visitor.wait_for("done")
    analysis = visitor.answer()
    assert analysis["media"]["kind"] == "picture"
    assert len(analysis["people"]) == 1
    expect(page.locator(".box-label")).to_be_visible()


def test_a_voice_and_devices_that_are_given_back(visitor: Visitor, expect):
    page = visitor.page
    page.evaluate(WATCH_DEVICES)
    page.get_by_role("button", name="Microphone only").click()
    page.evaluate(WATCH_THE_COUNT)
    page.get_by_role("button", name="Record", exact=True).click()
    stop_after_two_seconds(page)
    visitor.wait_for("done")
    assert visitor.answer()["media"]["kind"] == "sound"
    assert page.evaluate(TRACKS) == ["audio ended"]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_a_double_click_opens_one_camera(visitor: Visitor, order: list[int]):
    page = visitor.page
    page.evaluate(WATCH_DEVICES)
    page.evaluate(HOLD, "getUserMedia")
    page.get_by_role("button", name="Camera", exact=True).dblclick()
    page.wait_for_function("() => window.held.length === 2")
    page.evaluate(RELEASE, order)
    page.get_by_role("button", name="Record a clip").wait_for()
    assert page.evaluate(TRACKS) == ["audio ended", "audio live", "video ended", "video live"]
    page.get_by_role("button", name="Close").click()
    assert page.evaluate(TRACKS) == ["audio ended", "audio ended", "video ended", "video ended"]


@pytest.mark.parametrize("step", ["getUserMedia", "enumerateDevices"])
def test_who_leaves_while_the_camera_opens_is_not_seen(visitor: Visitor, expect, step: str):
    page = visitor.page
    page.evaluate(WATCH_DEVICES)
    page.evaluate(HOLD, step)
    page.get_by_role("button", name="Camera", exact=True).click()
    page.wait_for_function("() => window.held.length === 1")
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    page.evaluate(RELEASE, [0])
    assert page.evaluate(TRACKS) == ["audio ended", "video ended"]
    expect(page.locator("#studio")).to_be_hidden()


def test_a_picture_asked_for_twice_is_sent_once(visitor: Visitor, expect):
    page = visitor.page
    page.get_by_role("button", name="Camera", exact=True).click()
    page.get_by_role("button", name="Take a picture").dblclick()
    visitor.wait_for("done")
    expect(page.locator(".entry")).to_have_count(1)


def test_a_camera_that_is_refused(visitor: Visitor, expect):
    page = visitor.page
    page.evaluate("""() => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
    }""")
    page.get_by_role("button", name="Camera", exact=True).click()
    expect(page.locator("#camera-note")).to_contain_text("Allow it next to the address")
