"""Beyond one machine: two gateways share PostgreSQL, and one finishes the jobs of the other when it dies."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from gateway.jobs.slots import PostgresSlots
from tests.jobs.gateway_process import GatewayProcess, assert_never_twice_at_once, eventually, runs
from tests.jobs.postgres_server import postgres_server

pytestmark = pytest.mark.timeout(600)


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


@pytest.fixture
def scattered(house, database, bucket, tmp_path) -> Iterator[tuple[GatewayProcess, GatewayProcess]]:
    """Two gateways that share a database and a bucket, and no folder."""
    gateways = [
        GatewayProcess(
            house,
            tmp_path / name,
            tmp_path / f"{name}.log",
            jobs__database_url=database,
            jobs__store_url=f"{bucket}/{tmp_path.name}",
        )
        for name in ("one", "other")
    ]
    for gateway in gateways:
        gateway.start()
    yield gateways[0], gateways[1]
    for gateway in gateways:
        gateway.stop()


def test_without_a_common_folder_a_job_is_read_and_exported_where_it_was_not_made(scattered, film):
    one, other = scattered
    location = one.submit(film, detail="frames")
    assert other.finished(location)["state"] == "succeeded"
    for suffix, found in ((".csv", b"happiness"), (".vtt", b"WEBVTT"), (".eaf", b"ANNOTATION_DOCUMENT")):
        exports = [
            gateway.client.get(f"{location}{suffix}").raise_for_status().content for gateway in scattered
        ]
        assert exports[0] == exports[1]
        assert found in exports[0]
    assert one.client.get(location).json() == other.client.get(location).json()
    assert other.client.delete(location).status_code == 204
    assert one.client.get(location).status_code == 404


def test_without_a_common_folder_the_jobs_of_a_dead_gateway_are_finished(scattered, film, long_film):
    one, other = scattered
    locations = [one.submit(long_film, detail="frames") for _ in range(3)]
    locations.append(other.submit(film, detail="frames"))
    eventually(lambda: "job begun" in one.log.read_text(), "the one has begun something")
    one.kill()
    assert {other.finished(location)["state"] for location in locations} == {"succeeded"}
    assert_never_twice_at_once(one, other)
    exports = [
        # The analysis is named by its job.
        other.client.get(f"{location}.csv").raise_for_status().text.replace(location.rsplit("/")[-1], "")
        for location in locations
    ]
    # The same film in the same hands: what the dead one began left no trace in the result.
    assert len(exports[0].splitlines()) > 10
    assert exports[0] == exports[1] == exports[2]


def test_a_name_that_may_still_be_used_is_not_taken_to_work_under(database):
    unaware, newcomer = PostgresSlots(database), PostgresSlots(database)
    taken = unaware.take_one()
    assert not newcomer.take(taken)
    end_connections(database, "lock")
    eventually(lambda: newcomer.take(taken), "the lock of an ended connection is free")
    newcomer.give_back(taken)
    assert newcomer.take_one() != taken
    assert not unaware.still_held()
    for slots in (unaware, newcomer):
        slots.close()


def test_the_server_misses_a_machine_that_vanished_within_a_minute(database):
    slots = PostgresSlots(database)
    try:
        idle, interval, count = (
            int(slots._connection.execute(f"SHOW tcp_keepalives_{name}").fetchone()[0])
            for name in ("idle", "interval", "count")
        )
    finally:
        slots.close()
    assert 0 < idle + interval * count <= 60


def end_connections(database: str, which: str) -> int:
    """Let PostgreSQL end the connection of one worker's lock, those without a lock, or all; give how many."""
    locks = "FROM pg_locks WHERE locktype = 'advisory' AND classid = 6647151"
    every = "pid <> pg_backend_pid() AND backend_type = 'client backend'"
    condition = {
        "lock": f"pid = (SELECT min(pid) {locks})",
        "others": f"{every} AND pid NOT IN (SELECT pid {locks})",
        "all": every,
    }[which]
    with psycopg.connect(database, autocommit=True) as connection:
        rows = connection.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {condition}"  # noqa: S608 - ours
        ).fetchall()
    return len(rows)


def test_connections_that_break_again_and_again_spoil_no_job(pair, database, long_film):
    one, other = pair
    locations = [one.submit(long_film) for _ in range(3)]
    eventually(lambda: "job begun" in one.log.read_text() + other.log.read_text(), "something has begun")
    for _ in range(60):
        end_connections(database, "others")
        time.sleep(0.05)
    assert {other.finished(location)["state"] for location in locations} == {"succeeded"}
    assert_never_twice_at_once(one, other)


@pytest.mark.parametrize("which", ["lock", "all"])
def test_a_lost_connection_in_the_middle_of_a_job(pair, database, film, long_film, which):
    """Who lost its lock counts as dead: another takes its jobs over, never while they still run."""
    one, other = pair
    locations = [one.submit(long_film) for _ in range(3)]
    eventually(lambda: "job begun" in one.log.read_text() + other.log.read_text(), "something has begun")
    assert end_connections(database, which) >= 1
    lost = "the lock of this worker was lost"
    eventually(lambda: lost in one.log.read_text() + other.log.read_text(), "somebody notices")
    locations.append(other.submit(film))
    assert {one.finished(location)["state"] for location in locations} == {"succeeded"}
    assert_never_twice_at_once(one, other)
    # Both work on: what is handed in now is done too.
    assert one.finished(one.submit(film))["state"] == "succeeded"


@pytest.fixture
def single(house, database, tmp_path) -> Iterator[GatewayProcess]:
    """One gateway with a database."""
    gateway = GatewayProcess(house, tmp_path / "data", tmp_path / "log", jobs__database_url=database)
    gateway.start()
    yield gateway
    gateway.stop()


# What is read before a worker is asked, and what it writes first.
@pytest.mark.parametrize("table", ["operation_outputs", "streams"])
def test_a_job_that_waited_for_the_database_is_not_begun_by_a_worker_that_was_put_down(
    single, database, film, long_film, table
):
    """It is begun once: under the name that it is queued for again, not under the lost one too."""
    single.finished(single.submit(film))
    with psycopg.connect(database) as connection:
        connection.execute(f"LOCK TABLE dbos.{table} IN ACCESS EXCLUSIVE MODE")
        location = single.submit(long_film)
        eventually(lambda: waits_for_a_table(database), "the job is taken, and waits")
        assert end_connections(database, "lock") == 1
        eventually(lambda: len(names_of_workers(single)) == 2, "its worker works under another name")
        connection.rollback()
    assert single.finished(location)["state"] == "succeeded"
    job = location.rpartition("/")[-1]
    begun = [line for line in single.lines() if line["message"] == "job begun" and line["job"] == job]
    assert len(begun) == 1, begun


def names_of_workers(gateway: GatewayProcess) -> list[str]:
    return [line["name"] for line in gateway.lines() if line["message"] == "worker"]


def waits_for_a_table(database: str) -> bool:
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND NOT granted"
        ).fetchone()
    return row[0] > 0


def test_while_the_database_is_away_every_call_says_so(house, tmp_path, film):
    with postgres_server() as server:
        gateway = GatewayProcess(house, tmp_path / "data", tmp_path / "log", jobs__database_url=server.url)
        gateway.start()
        try:
            location = gateway.submit(film)
            assert gateway.finished(location)["state"] == "succeeded"
            for wrong in ("%00", "a%00b/events", "%00.csv", "an_x"):
                assert gateway.client.get(f"/v1/analyses/{wrong}").status_code == 404, wrong
            server.stop()
            wish = {"prefer": "respond-async"}
            answers = [
                gateway.client.get(location),
                gateway.client.get(f"{location}.csv"),
                gateway.client.get(f"{location}/events"),
                gateway.client.delete(location),
                gateway.client.post("/v1/analyses", content=film, headers=wish),
                gateway.client.post("/v1/analyses", content=film, headers={**wish, "idempotency-key": "x"}),
            ]
            for answer in answers:
                assert (answer.status_code, answer.headers.get("retry-after")) == (503, "5"), answer.text
            server.start()
            assert gateway.client.get(location).json()["analysis"]
            assert gateway.finished(gateway.submit(film))["state"] == "succeeded"
        finally:
            gateway.stop()


def test_what_was_sent_is_not_in_the_log_where_the_database_refuses_it(house, database, tmp_path, film):
    gateway = GatewayProcess(
        house,
        tmp_path / "data",
        tmp_path / "log",
        jobs__database_url=database,
        webhooks__secret="whsec_" + "QUFB" * 11,
        webhooks__private_addresses=True,
    )
    gateway.start()
    with psycopg.connect(database, autocommit=True) as connection:
        try:
            gateway.finished(gateway.submit(film))
            connection.execute(
                "ALTER TABLE dbos.workflow_status ADD CONSTRAINT none CHECK (name <> 'analysis') NOT VALID"
            )
            answer = gateway.client.post(
                "/v1/analyses",
                params={"callback_url": "http://[::1]/SECRET"},
                content=film,
                headers={"prefer": "respond-async"},
            )
            assert answer.status_code == 500
            assert "violates check constraint" in gateway.log.read_text()
            assert "SECRET" not in gateway.log.read_text()
        finally:
            connection.execute("ALTER TABLE dbos.workflow_status DROP CONSTRAINT IF EXISTS none")
            gateway.stop()


def test_a_worker_that_cannot_begin_anew_tries_again(house, tmp_path, film):
    with postgres_server() as server:
        gateway = GatewayProcess(house, tmp_path / "data", tmp_path / "log", jobs__database_url=server.url)
        gateway.start()
        try:
            assert gateway.finished(gateway.submit(film))["state"] == "succeeded"
            with psycopg.connect(server.url, autocommit=True) as connection:
                # What its engine asks first when it starts.
                connection.execute("ALTER TABLE dbos.application_versions RENAME TO elsewhere")
                assert end_connections(server.url, "lock") == 1
                failed = "looking for dead workers failed"
                eventually(lambda: failed in gateway.log.read_text(), "it could not begin")
                eventually(lambda: not advisory_locks(server.url), "a name that nobody works under is free")
                connection.execute("ALTER TABLE dbos.elsewhere RENAME TO application_versions")
            assert gateway.finished(gateway.submit(film))["state"] == "succeeded"
        finally:
            gateway.stop()


def test_a_worker_that_starts_before_its_database_works_without_being_asked(house, tmp_path):
    with postgres_server() as server:
        server.stop()
        gateway = GatewayProcess(house, tmp_path / "data", tmp_path / "log", jobs__database_url=server.url)
        gateway.start()
        try:
            eventually(lambda: "jobs cannot be stored" in gateway.log.read_text(), "it tried to begin")
            server.start()
            eventually(lambda: advisory_locks(server.url) == 1, "it works under a name")
        finally:
            gateway.stop()


def advisory_locks(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 6647151"
        ).fetchone()
    return row[0]
