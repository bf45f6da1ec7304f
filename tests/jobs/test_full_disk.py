"""Uploads of jobs do not fill the disk on which those that were accepted are worked on."""

import contextlib
import resource
from collections.abc import Iterator

from tests.jobs.gateway_process import GatewayProcess, eventually, files_in


def test_a_job_is_refused_before_the_disk_is_full(one_gateway: GatewayProcess, film, data):
    one_gateway.set("jobs__keep_free_bytes", 2**62)
    one_gateway.start()
    sent = {"content": film, "headers": {"prefer": "respond-async"}}
    refused = one_gateway.client.post("/v1/analyses?detail=summary", **sent)
    assert refused.status_code == 503
    assert refused.json()["type"] == "/problems/overloaded"
    assert "EMOTION_JOBS__DATA_FOLDER" in refused.json()["remedy"]
    assert "EMOTION_JOBS__KEEP_FREE_BYTES" in refused.json()["remedy"]
    assert int(refused.headers["retry-after"]) > 0
    keyed = one_gateway.client.post(
        "/v1/analyses?detail=summary", content=film, headers={"idempotency-key": "one"}
    )
    assert keyed.status_code == 503, keyed.text
    assert not files_in(data / "files")
    # What is kept free is for the results of jobs: a plain request does not lie there.
    plain = one_gateway.client.post("/v1/analyses?detail=summary", content=film)
    assert plain.status_code == 200, plain.text


def test_what_was_accepted_ends_though_no_more_is_taken(one_gateway: GatewayProcess, film):
    one_gateway.start()
    accepted = one_gateway.submit(film)
    one_gateway.kill()
    one_gateway.set("jobs__keep_free_bytes", 2**62)
    one_gateway.start()
    assert one_gateway.finished(accepted)["state"] == "succeeded"
    export = one_gateway.client.get(f"{accepted}.jsonl")
    assert export.status_code == 503, export.text


def test_a_job_that_is_worked_on_while_the_disk_is_full_ends_when_it_is_not(
    one_gateway: GatewayProcess, long_film, data
):
    one_gateway.set("jobs__at_once", 1)
    one_gateway.start()
    accepted = one_gateway.submit(long_film, detail="frames")
    eventually(lambda: "job begun" in one_gateway.log.read_text(), "it is begun")
    # As a full disk does: no file grows any more, and the log stays below the limit.
    with no_file_beyond((data / "jobs.sqlite-wal").stat().st_size + 40_000, one_gateway.pid):
        eventually(lambda: "Database connection failed" in one_gateway.log.read_text(), "it is full")
        assert one_gateway.client.get(accepted).json()["state"] == "processing"
    assert one_gateway.finished(accepted)["state"] == "succeeded"


@contextlib.contextmanager
def no_file_beyond(size: int, pid: int) -> Iterator[None]:
    """Let no file of a process grow beyond so many bytes."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
