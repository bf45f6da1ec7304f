"""Beyond one machine: two gateways share PostgreSQL, and one finishes the jobs of the other when it dies."""

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
from tests.jobs.gateway_process import GatewayProcess, assert_never_twice_at_once, eventually, runs

pytestmark = pytest.mark.timeout(600)


def program(name: str) -> str | None:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of its own."""
    initdb, postgres = program("initdb"), program("postgres")
    if initdb is None or postgres is None:
        pytest.skip("NO POSTGRESQL HERE: apt-get install postgresql")
    folder = tmp_path_factory.mktemp("postgres")
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
    yield url
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


@pytest.fixture
def pair(house, database, tmp_path) -> Iterator[tuple[GatewayProcess, GatewayProcess]]:
    """Two gateways with one database and one store."""
    gateways = [
        GatewayProcess(house, tmp_path / "data", tmp_path / f"{name}.log", jobs__database_url=database)
        for name in ("one", "other")
    ]
    for gateway in gateways:
        gateway.start()
    yield gateways[0], gateways[1]
    for gateway in gateways:
        gateway.stop()


def test_the_jobs_of_a_dead_worker_are_finished_by_another(pair, film, long_film):
    one, other = pair
    locations = [one.submit(long_film) for _ in range(4)] + [other.submit(film) for _ in range(2)]
    eventually(lambda: "job begun" in one.log.read_text(), "the one has begun something")
    one.kill()
    jobs = [other.finished(location) for location in locations]
    assert {job["state"] for job in jobs} == {"succeeded"}
    assert_never_twice_at_once(one, other)
    assert any(len(spans) > 1 for spans in runs(one, other).values()), "something was taken over"
    assert "queued again" in other.log.read_text()


def test_both_see_everything_and_one_key_is_one_job(pair, film):
    one, other = pair
    location = one.submit(film, **{"idempotency-key": "shared"})
    assert other.submit(film, **{"idempotency-key": "shared"}) == location
    assert other.finished(location)["state"] == "succeeded"
    assert one.client.get(location).json() == other.client.get(location).json()
    assert other.client.delete(location).status_code == 204
    assert one.client.get(location).status_code == 404
    assert "Traceback" not in one.log.read_text() + other.log.read_text()
