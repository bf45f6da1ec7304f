"""Make docs/page-film.webp and docs/page-phone.webp, the README's pictures of the page, with a real browser.

python -m benchmarks.page_pictures

Two photographs that move and a synthetic voice go through the real services; the letters are this machine's.
"""

import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests import media_files
from tests.servers import serve_house

DOCS = Path(__file__).parents[1] / "docs"
MOST_BYTES = 200_000


def main() -> None:
    """Serve the house, open the page, give it a film, take the pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "install chromium first"
    with tempfile.TemporaryDirectory() as folder, serve_house(temporary_folder=Path(folder)) as house:
        film = media_files.write_film(
            Path(folder) / "two people.mp4", two_people(200), media_files.speech(8.0, 48_000)
        )
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
            shown = (1180, 1000, "light", "page-film.webp"), (390, 844, "dark", "page-phone.webp")
            for width, height, scheme, name in shown:
                picture = take(browser, house.gateway, film, width=width, height=height, scheme=scheme)
                save(picture, DOCS / name)
            browser.close()


def two_people(frames: int) -> Iterator[media_files.Pixels]:
    """Two people side by side; the second leaves before the end."""
    left = media_files.moving_face(media_files.astronaut(), frames=frames, width=320, height=360)
    right = media_files.moving_face(media_files.grace_hopper(), frames=frames, width=320, height=360)
    for number, (one, other) in enumerate(zip(left, right, strict=True)):
        shown = other if number < 0.7 * frames else media_files.noise(320, 360)
        yield np.concatenate([one, shown], axis=1)


def take(browser: Browser, url: str, film: Path, *, width: int, height: int, scheme: str) -> bytes:
    """Give what a visitor sees two seconds into the film."""
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
        device_scale_factor=1.5 if width < 500 else 1,
    )
    page.set_default_timeout(120_000)
    page.goto(url)
    page.set_input_files("#file-input", str(film))
    page.wait_for_selector(".tracks .levels path")
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
