"""A live session as a visitor has it: begun, stopped, saved."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page


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


def record_of(page: "Page", path: Path) -> dict[str, Any]:
    """Save the session as JSON, as a visitor does, and read it."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as JSON").click()
    assert waiting.value.suggested_filename.startswith("live ")
    waiting.value.save_as(path)
    return json.loads(path.read_text())
