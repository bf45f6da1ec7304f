"""A PostgreSQL of a test's own."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.cli.processes import free_port
from tests.jobs.gateway_process import eventually


def program(name: str) -> str | None:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)


class PostgresServer:
    """One that is stopped and started again.

    Args:
        folder: where it keeps everything.
        user: as whom it runs; None for ours.
    """

    def __init__(self, folder: Path, user: int | None) -> None:
        self._folder = folder
        self._user = user
        self._port = free_port()
        self.url = f"postgresql://emotion@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(str(program("postgres")), "-D", self._folder / "data", "-p", str(self._port), "-k", ""),
                    *("-c", "listen_addresses=127.0.0.1", "-F"),
                ],
                user=self._user, stdout=log, stderr=log, cwd="/",
            )  # fmt: skip
        eventually(lambda: _answers(self.url), (self._folder / "log").read_text())

    def stop(self) -> None:
        """End it at once, whoever is connected."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(60)


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run one in a folder of its own. Skips the test where none is installed."""
    initdb = program("initdb")
    if initdb is None or program("postgres") is None:
        pytest.skip("NO POSTGRESQL HERE: apt-get install postgresql")
    user = None
    if os.geteuid() == 0:
        # It does not run as root.
        user = pwd.getpwnam("postgres" if _exists("postgres") else "nobody").pw_uid
    # Not in pytest's folder: whenever it is started once more by the same user, only that user may enter it.
    with tempfile.TemporaryDirectory(prefix="postgres-") as made:
        folder = Path(made)
        if user is not None:
            os.chown(folder, user, -1)
        subprocess.run(
            [initdb, "-D", folder / "data", "-U", "emotion", "--auth=trust", "--no-sync"],
            check=True, user=user, stdout=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
        server = PostgresServer(folder, user)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
