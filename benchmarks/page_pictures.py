"""Make docs/page-film.webp and docs/page-phone.webp, the README's pictures of the page, with a real browser.

python -m benchmarks.page_pictures

Two photographs that move and a synthetic voice go through the real services, once as a film and once as what
camera and microphone give; the letters are this machine's.
"""

import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests import media_files
from tests.servers import serve_house

DOCS = Path(__file__).parents[1] / "docs"
MOST_BYTES = 200_000
LIVE_SECONDS = 25


def main() -> None:
    """Serve the house, open the page, give it a film, go live, take the pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "install chromium first"
    with tempfile.TemporaryDirectory() as name, serve_house(temporary_folder=Path(name)) as house:
        folder = Path(name)
        film = media_files.write_film(
            folder / "two people.mp4", two_people(200), media_files.speech(8.0, 48_000)
        )
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments(folder))
            page = visit(browser, house.gateway, width=1180, height=1000, scheme="light")
            save(take_film(page, film), DOCS / "page-film.webp")
            page = visit(browser, house.gateway, width=390, height=844, scheme="dark")
            save(take_live(page), DOCS / "page-phone.webp")
            browser.close()


def arguments(folder: Path) -> list[str]:
    """Write what camera and microphone give; tell Chromium where it is."""
    camera, microphone = folder / "camera.mjpeg", folder / "microphone.wav"
    with camera.open("wb") as file:
        for pixels in two_people(200, leaves=1.0):
            Image.fromarray(pixels).save(file, "JPEG", quality=85)
    media_files.write_sound(microphone, media_files.speech(6.0, 48_000), rate=48_000, subtype="PCM_16")
    return [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--autoplay-policy=no-user-gesture-required",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
        f"--use-file-for-fake-audio-capture={microphone}",
    ]


def two_people(frames: int, leaves: float = 0.7) -> Iterator[media_files.Pixels]:
    """Two people side by side; the second leaves after that share of the frames."""
    left = media_files.moving_face(media_files.astronaut(), frames=frames, width=320, height=360)
    right = media_files.moving_face(media_files.grace_hopper(), frames=frames, width=320, height=360)
    for number, (one, other) in enumerate(zip(left, right, strict=True)):
        shown = other if number < leaves * frames else media_files.noise(320, 360)
        yield np.concatenate([one, shown], axis=1)


def visit(browser: Browser, url: str, *, width: int, height: int, scheme: str) -> Page:
    """Open the page."""
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
        device_scale_factor=1.5 if width < 500 else 1,
        permissions=["camera", "microphone"],
    )
    page.set_default_timeout(120_000)
    page.goto(url)
    page.wait_for_selector("html[data-open]", state="attached")
    return page


def take_film(page: Page, film: Path) -> bytes:
    """Give what a visitor sees two seconds into the film."""
    page.set_input_files("#file-input", str(film))
    page.wait_for_selector("#result[data-shows=done] .tracks .levels path")
    slider = page.get_by_role("slider")
    for key in ("Home", "PageUp", "PageUp"):
        slider.press(key)
    page.wait_for_function("() => !document.querySelector('video').seeking")
    page.evaluate("document.activeElement.blur()")
    page.locator("#result").evaluate("element => element.scrollIntoView()")
    page.wait_for_timeout(500)
    picture = page.screenshot()
    page.close()
    return picture


def take_live(page: Page) -> bytes:
    """Give what a visitor sees after half a minute before camera and microphone."""
    page.get_by_role("button", name="Go live", exact=True).click()
    page.wait_for_selector("#live[data-state=live]")
    page.wait_for_timeout(1000 * LIVE_SECONDS)
    page.evaluate("document.activeElement.blur()")
    both = "() => document.querySelectorAll('#live .box:not([hidden])').length === 2"
    page.wait_for_function(both, polling=50)
    picture = page.locator("#live").screenshot()
    page.close()
    return picture


def save(png: bytes, path: Path) -> None:
    """Save as WebP, in the best quality that is small enough."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in (90, 80, 70, 60):
        image.save(path, quality=quality, method=6)
        if path.stat().st_size < MOST_BYTES:
            break
    print(f"{path.name}: {image.width} x {image.height}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
