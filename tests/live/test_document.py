"""docs/live.md lists what there is: close codes, events, settings and metrics."""

import re
from pathlib import Path
from typing import get_args

from prometheus_client import CollectorRegistry

from gateway.live.closing import CODES
from gateway.live.metrics import LiveMetrics
from gateway.live.settings import LiveSettings
from shared.contracts.live import LiveEvent, LiveLimits

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "live.md").read_text()


def section(title: str) -> str:
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return found


def first_cells(text: str) -> set[str]:
    """What is quoted in the first column of its tables."""
    cells = re.findall(r"^\|([^|]*)\|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_close_codes():
    rows = re.findall(r"^\| (\d{4}) \| ([^|]*) \|", section("How it ends"), re.MULTILINE)
    listed = {name: int(code) for code, names in rows for name in re.findall(r"`([^`]+)`", names)}
    others = {"done": 1000, "internal-error": 1011, "keepalive": 1011}
    assert listed == CODES | others


def test_events():
    kinds = {get_args(event.model_fields["event"].annotation)[0] for event in get_args(LiveEvent)}
    assert first_cells(section("What comes back")) == kinds


def test_settings():
    assert first_cells(section("Running it")) == {name.upper() for name in LiveSettings.model_fields}


def test_limits_that_are_named():
    named = set(re.findall(r"`limits\.(\w+)`", TEXT))
    assert named
    assert named <= set(LiveLimits.model_fields)


def test_metrics():
    registry = CollectorRegistry()
    LiveMetrics(registry)
    counted = {family.name + ("_total" if family.type == "counter" else "") for family in registry.collect()}
    assert set(re.findall(r"`(emotion_live_\w+)`", TEXT)) == counted
