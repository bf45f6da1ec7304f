"""How soon the page works once the server is ready: `python -m benchmarks.page [--runs 5]`.

Each run starts `emotion serve`, and a Chromium that runs already opens the page as soon as the server has
printed that it is ready. Prints Markdown, medians; milliseconds count from the browser's first step to the
address:

- first byte: of the HTML, by the browser's own clock;
- doors listen: every module has run, so that a file can be dropped, by the browser's own clock;
- dialogue open: the file door was pressed and the browser's dialogue asked for, by the clock outside and
  with the time that the one who presses takes: it proves that the door works.

"Once more" is the same address in the same browser, whose cache asks for what is new only.
"""

import argparse
import os
import shutil
import statistics
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.films import served

_AIM_MS = 1000

# The page says that it is open by an attribute; this notes when.
_NOTE_WHEN_OPEN = """new MutationObserver(() => { window.openAt ??= performance.now(); })
    .observe(document, { subtree: true, attributes: true, attributeFilter: ["data-open"] });"""

_READ = """() => {
    const [page] = performance.getEntriesByType("navigation");
    const files = [page, ...performance.getEntriesByType("resource")];
    const bytes = files.reduce((sum, { transferSize }) => sum + transferSize, 0);
    return [page.responseStart, window.openAt, files.length, bytes];
}"""


@dataclass(frozen=True)
class Visit:
    """One opening of the page.

    Args:
        first_byte, listening, dialogue: milliseconds since the navigation began.
        requests: how many were made until the doors listened, and their answers used.
        kilobytes: of these answers with their headers, as they came through the network, 10^3 bytes.
    """

    first_byte: float
    listening: float
    dialogue: float
    requests: float
    kilobytes: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("install chromium first")
    first, again = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        _warm_up(browser)
        for _ in range(runs):
            with served() as (url, _pids), browser.new_context() as context:
                context.add_init_script(_NOTE_WHEN_OPEN)
                first.append(visit(context.new_page(), url))
                again.append(visit(context.new_page(), url))
        browser.close()
    report(first, again)


def _warm_up(browser: Browser) -> None:
    """Let the browser start the processes that draw: what is measured is the page."""
    page = browser.new_page()
    page.screenshot()
    page.close()


def visit(page: Page, url: str) -> Visit:
    """Open the page, press the file door, look at the clocks."""
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_selector("html[data-open]", state="attached")
    with page.expect_file_chooser():
        page.get_by_role("button", name="Choose files").click()
    dialogue = (time.perf_counter() - began) * 1000
    first_byte, listening, requests, transferred = page.evaluate(_READ)
    return Visit(first_byte, listening, dialogue, requests, transferred / 1000)


def report(first: Sequence[Visit], again: Sequence[Visit]) -> None:
    """Print medians, and the slowest time to the dialogue, as Markdown."""
    print(f"\n{len(first)} runs, medians; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs.\n")
    print("| visit | first byte ms | doors listen ms | dialogue open ms | slowest | requests | kB |")
    print("|---|---|---|---|---|---|---|")
    for name, visits in (("the first", first), ("once more", again)):
        columns = [statistics.median(column) for column in zip(*map(astuple, visits), strict=True)]
        slowest = max(visit.dialogue for visit in visits)
        times = " | ".join(f"{milliseconds:.0f}" for milliseconds in (*columns[:3], slowest))
        print(f"| {name} | {times} | {columns[3]:.0f} | {columns[4]:.0f} |")
    print(f"\nAim: the doors listen within {_AIM_MS} ms at the first visit.")


if __name__ == "__main__":
    main()
