"""The live door and its devices: which camera sees, when it is closed, what is said where there is none."""

import pytest

from tests.page.devices import HOLD, RELEASE, SECOND_CAMERA, TRACKS, WATCH_DEVICES
from tests.page.live_session import go_live, stop, wait_for_faces
from tests.page.visitor import Visitor


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
