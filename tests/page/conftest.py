"""A real browser, headless, before the real house; its camera sees a face, its microphone hears a voice."""

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests import media_files
from tests.page.visitor import PATIENCE_MS, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.servers import House

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MUST_RUN = os.environ.get("EMOTION_BROWSER_TESTS") == "always"

_skipped = False


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was not tested."""
    if _skipped:
        line = "NOT TESTED: the page in a browser, for there is no Chromium here (apt-get install chromium)."
        terminalreporter.write_line(line, yellow=True, bold=True)


@pytest.fixture(scope="package")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a film, a picture, a sound, something else, and what the camera and microphone give."""
    folder = tmp_path_factory.mktemp("page")
    media_files.talking_film(
        folder / "film.webm",
        seconds=3,
        video=media_files.VideoSpec(codec="libvpx", options=(("deadline", "realtime"), ("cpu-used", "8"))),
        audio=media_files.AudioSpec(codec="libopus"),
    )
    media_files.write_picture(folder / "picture.jpg", quality=90)
    media_files.write_sound(folder / "sound.wav", media_files.speech(3.0, 16_000))
    (folder / "notes.pdf").write_bytes(b"%PDF-1.7\nnot a picture, not a sound, not a film")
    media_files.write_sound(
        folder / "microphone.wav", media_files.speech(6.0, 48_000), rate=48_000, subtype="PCM_16"
    )
    with (folder / "camera.mjpeg").open("wb") as camera:
        for pixels in media_files.moving_face(media_files.astronaut(), frames=25, width=320, height=240):
            jpeg = io.BytesIO()
            Image.fromarray(pixels).save(jpeg, "JPEG", quality=85)
            camera.write(jpeg.getvalue())
    return folder


# As long as this room's tests run and no longer: while Playwright's plain interface is open, its event loop
# counts as the running one, and asynchronous tests could not start theirs.
@pytest.fixture(scope="package")
def browser(media: Path) -> "Iterator[Browser]":
    """One Chromium for all tests here."""
    global _skipped  # noqa: PLW0603 - what the summary reads
    if CHROMIUM is None:
        if MUST_RUN:
            pytest.fail("EMOTION_BROWSER_TESTS=always, and there is no Chromium.")
        _skipped = True
        pytest.skip("no Chromium here")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            timeout=120_000,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--autoplay-policy=no-user-gesture-required",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={media / 'camera.mjpeg'}",
                f"--use-file-for-fake-audio-capture={media / 'microphone.wav'}",
            ],
        )
        # The first picture starts the processes that draw; on a busy machine that takes its time.
        first = browser.new_page()
        first.screenshot(timeout=120_000)
        first.close()
        yield browser
        browser.close()


@pytest.fixture
def visitor(browser: "Browser", house: "House") -> Iterator[Visitor]:
    """Somebody who has just opened the page; afterwards nothing may have gone wrong unseen."""
    with Visitor.arrive(browser, house.gateway) as visitor:
        yield visitor


@pytest.fixture
def expect():
    """Playwright's assertions, which wait for what is to come."""
    from playwright.sync_api import expect  # noqa: PLC0415 - only where there is a browser

    expect.set_options(timeout=PATIENCE_MS)
    return expect
