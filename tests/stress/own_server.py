"""A server of a run's own, with a folder for its uploads."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cli.stack import RunningServer, serving
from tests.stress.footprint import Footprint, footprint_of


@dataclass(frozen=True)
class OwnServer:
    """While it runs.

    Args:
        running: the server.
        folder: for files to send.
        uploads: where the server keeps uploads.
    """

    running: RunningServer
    folder: Path
    uploads: Path

    @property
    def url(self) -> str:
        """Its address."""
        return self.running.url

    def footprint(self) -> Footprint:
        """What all its processes hold now."""
        return footprint_of(self.running.process.pid, self.uploads)


@contextlib.contextmanager
def own_server() -> Iterator[OwnServer]:
    """Start it, and remove everything afterwards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        uploads = folder / "uploads"
        uploads.mkdir()
        environment = {"EMOTION_TEMPORARY_FOLDER": str(uploads)}
        with serving(folder / "server", environment=environment) as running:
            yield OwnServer(running, folder, uploads)
