"""A visitor of the page: opens it in a fresh browser context, and notices what goes wrong unseen."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

# For slow and busy machines; nothing waits this long where all is well.
PATIENCE_MS = 90_000

# What an ancestor cuts off or scrolls by itself does not count.
STICKING_OUT = """() => {
    const wider = document.documentElement.scrollWidth - innerWidth;
    if (wider <= 0) return [];
    const right = (element) => element.getBoundingClientRect().right;
    const isOut = (element) => right(element) > innerWidth + 0.01;
    const isShown = (element) => {
        for (let above = element.parentElement; above; above = above.parentElement) {
            if (getComputedStyle(above).overflowX !== "visible" && !isOut(above)) return false;
        }
        return true;
    };
    const found = [...document.body.querySelectorAll("*")].filter((each) => isOut(each) && isShown(each));
    const names = found.map((each) =>
        `${each.tagName} ${each.getAttribute("class")} to ${right(each)}: ${each.textContent.slice(0, 60)}`);
    return [`${wider} px wider than ${innerWidth}`, ...names];
}"""


class Visitor:
    """Somebody before the page.

    Args:
        page: Playwright's page.
        origin: the gateway's address; nothing else may be asked.
    """

    def __init__(self, page: "Page", origin: str) -> None:
        self.page = page
        self.origin = origin
        self.faults: list[str] = []
        self.strangers: list[str] = []
        self.pending: set[str] = set()
        self.jobs: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.faults.append(f"{error.message}\n{error.stack}"))
        page.on("request", self._on_request)
        page.on("response", self._on_response)
        page.on("requestfinished", lambda request: self.pending.discard(request.url))
        page.on("requestfailed", lambda request: self.pending.discard(request.url))

    @classmethod
    @contextlib.contextmanager
    def arrive(
        cls,
        browser: "Browser",
        origin: str,
        *,
        width: int = 1280,
        height: int = 800,
        scheme: str = "light",
    ) -> "Iterator[Visitor]":
        """Open the page; at the end, fail where it wrote an error or asked another server."""
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            permissions=["camera", "microphone", "clipboard-read", "clipboard-write"],
            reduced_motion="reduce",
        )
        try:
            visitor = cls(context.new_page(), origin)
            visitor.page.goto(origin)
            visitor._wait_until_open()
            yield visitor
            assert visitor.faults == []
            assert visitor.strangers == []
        finally:
            context.close()

    def _wait_until_open(self) -> None:
        try:
            self.page.wait_for_selector("html[data-open]", state="attached")
        except Exception as error:
            raise AssertionError(
                f"the page did not open: {self.faults}, waited for {self.pending}"
            ) from error

    def give(self, *files: Path) -> None:
        """Choose files, as the file dialogue does."""
        self.page.set_input_files("#file-input", [str(file) for file in files])

    def wait_for(self, state: str) -> None:
        """Wait until a result (`done`) or a problem (`failed`) is shown."""
        self.page.wait_for_selector(f"#result[data-shows={state}]")

    def answer(self) -> dict[str, Any]:
        """Give the analysis that is shown, from the copy button."""
        self.page.get_by_text("JSON", exact=True).last.click()
        # The button says so for a while only, which a busy machine may miss; what is announced stays.
        self.page.evaluate("document.getElementById('announcer').textContent = ''")
        self.page.get_by_role("button", name="Copy JSON").click()
        self.page.wait_for_selector("#announcer:text-is('Copied')", state="attached")
        # Playwright gives a script of a page all the time it takes; a clipboard may never answer.
        copied = self.page.evaluate(
            """limit => Promise.race([
                navigator.clipboard.readText(),
                new Promise((_, reject) => setTimeout(reject, limit, new Error("the clipboard is silent"))),
            ])""",
            PATIENCE_MS,
        )
        return json.loads(copied)

    def sticking_out(self) -> list[str]:
        """Name what makes the page wider than the window; empty where there is nothing to scroll sideways."""
        return self.page.evaluate(STICKING_OUT)

    def forgive(self, status: int) -> None:
        """Forget that Chromium wrote down an answer of this status, which a test provoked."""
        self.faults = [fault for fault in self.faults if f"status of {status}" not in fault]

    def _on_console(self, message: "ConsoleMessage") -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(message.text)

    def _on_response(self, response: "Response") -> None:
        if response.status == 202:
            self.jobs.append(response.headers["location"])

    def _on_request(self, request: "Request") -> None:
        self.pending.add(request.url)
        if not request.url.startswith((self.origin, "blob:", "data:")):
            self.strangers.append(request.url)
