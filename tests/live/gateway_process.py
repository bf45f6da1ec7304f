"""A gateway as a process of its own, whose decoders and log lines a test can look at."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.cli.processes import children_of, command_of, decoders_of
from tests.jobs.gateway_process import GatewayProcess
from tests.servers import House

# Streams that are sent faster than anybody films, on a machine that may be busy with something else.
HURRIED = {
    "idle_seconds": 120.0,
    "call_seconds": 60.0,
    "max_lead_seconds": 100_000.0,
    "max_seconds": 100_000.0,
    "bytes_per_second": 1 << 40,
    "messages_per_second": 1_000_000,
    "max_streams": 32,
}


def samples(url: str) -> dict[str, float]:
    """What the gateway counts, by name and labels."""
    text = httpx.get(f"{url}/metrics", timeout=60).text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


class LiveGateway(GatewayProcess):
    """A gateway whose decoders and log lines a test can look at."""

    def __init__(self, house: House, folder: Path, **settings: object) -> None:
        self.uploads = folder / "uploads"
        self.uploads.mkdir()
        super().__init__(house, folder / "data", folder / "log", temporary_folder=self.uploads, **settings)

    def decoders(self) -> list[int]:
        """The decoding processes at work."""
        nurseries = [pid for pid in children_of(self.pid) if "gateway.media.nursery" in command_of(pid)]
        return [pid for nursery in nurseries for pid in decoders_of(nursery)]

    def ends(self) -> list[dict[str, Any]]:
        """The log lines of streams that have ended."""
        return [line for line in self.lines() if line["message"] == "live stream"]

    def end_of(self, session: str) -> dict[str, Any] | None:
        """The log line of one stream; it comes a little after its connection's end."""
        return next((line for line in self.ends() if line["request_id"] == session), None)

    def errors(self) -> list[dict[str, Any]]:
        """The log lines of faults, each with its traceback."""
        return [line for line in self.lines() if line["level"] == "error"]

    def places_taken(self) -> float:
        return samples(self.url)['emotion_live_places{state="taken"}']


@contextlib.contextmanager
def start_live_gateway(house: House, folder: Path) -> Iterator[LiveGateway]:
    """Run a gateway that takes streams as fast as they are sent."""
    settings = {f"live__{name}": value for name, value in HURRIED.items()}
    gateway = LiveGateway(house, folder, **settings)
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()
