"""A PostgreSQL of a test's own."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cli.addresses import choose_port
from tests.jobs.gateway_process import eventually


def program(name: str) -> str | None:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)


@contextlib.contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """Run one in a folder; give its address. Skips the test where none is installed."""
    initdb, postgres = program("initdb"), program("postgres")
    if initdb is None or postgres is None:
        pytest.skip("NO POSTGRESQL HERE: apt-get install postgresql")
    user = None
    if os.geteuid() == 0:
        # It does not run as root.
        user = pwd.getpwnam("postgres" if _exists("postgres") else "nobody").pw_uid
        for path in (folder, *folder.parents):
            if path.is_relative_to(tempfile.gettempdir()) and path != Path(tempfile.gettempdir()):
                path.chmod(path.stat().st_mode | 0o011)
        os.chown(folder, user, -1)
    data = folder / "data"
    subprocess.run(
        [initdb, "-D", data, "-U", "emotion", "--auth=trust", "--no-sync"],
        check=True, user=user, stdout=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    port = choose_port(0)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [postgres, "-D", data, "-p", str(port), "-k", "", "-c", "listen_addresses=127.0.0.1", "-F"],
            user=user, stdout=log, stderr=log, cwd="/",
        )  # fmt: skip
    url = f"postgresql://emotion@127.0.0.1:{port}/postgres"
    eventually(lambda: _answers(url), (folder / "log").read_text())
    try:
        yield url
    finally:
        server.terminate()
        server.wait(60)


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
