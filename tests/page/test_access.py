"""For everybody: keyboard alone, screen readers, phones, dark and light."""

import re
from pathlib import Path

import pytest

from tests.page.conftest import Visitor
from tests.servers import House

# Texts in fields of the options that are wider than their field, with room for a list's arrow.
CUT_OFF = """() => {
    const pen = document.createElement("canvas").getContext("2d");
    const isCut = (field, text) => {
        const { font, paddingLeft, paddingRight } = getComputedStyle(field);
        pen.font = font;
        const arrow = field.tagName === "SELECT" ? 18 : 0;
        const room = field.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight) - arrow;
        return pen.measureText(text).width > room;
    };
    const texts = (field) => [field.placeholder, ...[...field.options ?? []].map((each) => each.text)];
    const fields = [...document.querySelectorAll("#options select, #options input[placeholder]")];
    return fields.flatMap((field) => texts(field).filter((text) => text && isCut(field, text)));
}"""
SPOKEN = re.compile(r"^0\.2 s of 3\.\d s\. Fused: \w+, \d+ %.*Person 1: \w+, \d+ %.*Voice: ")


def test_with_the_keyboard_alone(visitor: Visitor, media: Path, expect):
    page = visitor.page

    def walk_to(target) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"{target} is not reached with Tab")

    # The browser's own dialogue is not this page's: that it is asked for is enough.
    page.evaluate("""() => document.getElementById("file-input").addEventListener("click", (event) => {
        event.preventDefault();
        window.asked = true;
    })""")
    walk_to(page.get_by_role("button", name="Choose files"))
    page.keyboard.press("Enter")
    page.wait_for_function("() => window.asked")
    visitor.give(media / "film.webm")
    visitor.wait_for("done")
    expect(page.locator("#announcer")).to_contain_text("film.webm is analysed")

    slider = page.get_by_role("slider", name="Position")
    walk_to(slider)
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", "0.20")
    expect(slider).to_have_attribute("aria-valuetext", SPOKEN)
    page.keyboard.press("End")
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuenow", "0.00")
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
    walk_to(page.get_by_text("The timeline as a table"))
    page.keyboard.press("Enter")
    expect(page.locator(".moments tbody tr")).to_have_count(3)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing(browser, house: House, media: Path, expect, *, width: int, scheme: str):
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - only where there is a browser

    axe = Axe()

    def judge(page) -> None:
        found = axe.run(page).response["violations"]
        faults = [(each["id"], each["impact"], [node["target"] for node in each["nodes"]]) for each in found]
        assert faults == []

    with Visitor.arrive(browser, house.gateway, width=width, scheme=scheme) as visitor:
        page = visitor.page
        expect(page.locator("#file-limits")).to_contain_text("MB")
        page.get_by_text("Options").click()
        judge(page)
        assert visitor.sticking_out() == []
        visitor.give(media / "notes.pdf")
        visitor.wait_for("failed")
        visitor.forgive(415)
        judge(page)
        visitor.give(media / "film.webm")
        visitor.wait_for("done")
        expect(page.locator(".tracks .levels path")).to_have_count(1)
        page.get_by_text("The timeline as a table").click()
        page.get_by_text("The same call with curl").click()
        page.get_by_text("JSON", exact=True).last.click()
        judge(page)
        assert visitor.sticking_out() == []
        page.get_by_role("button", name="Camera", exact=True).click()
        page.wait_for_function("() => document.querySelector('#studio video')?.videoWidth > 0")
        judge(page)
        assert visitor.sticking_out() == []


def test_the_narrowest_phone_has_nothing_to_scroll_sideways(browser, house: House, media: Path):
    with Visitor.arrive(browser, house.gateway, width=320, height=640) as visitor:
        assert visitor.sticking_out() == []
        visitor.give(media / "film.webm")
        visitor.wait_for("done")
        assert visitor.sticking_out() == []


@pytest.mark.parametrize("width", [1280, 1000, 700, 360])
def test_no_option_is_cut_off(browser, house: House, width: int):
    with Visitor.arrive(browser, house.gateway, width=width) as visitor:
        visitor.page.get_by_text("Options").click()
        assert visitor.page.evaluate(CUT_OFF) == []
