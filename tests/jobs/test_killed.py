"""kill -9 at any point: every accepted job ends, none runs twice at once, nothing stays."""

import json
import random
import signal
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from httpx_sse import EventSource

from tests.jobs.gateway_process import (
    GatewayProcess,
    assert_never_twice_at_once,
    eventually,
    files_in,
    runs,
)

# Every start of a gateway takes seconds where the machine is busy.
pytestmark = pytest.mark.timeout(600)


def survive_kills(gateway: GatewayProcess, film: bytes, *, jobs: int, kills: int, seed: int) -> list[str]:
    """Hand jobs in while the gateway is killed at random points; give those that were accepted."""
    chance = random.Random(seed)
    accepted: list[str] = []
    gateway.start()
    deaths = sorted(chance.sample(range(jobs), kills))
    for number in range(jobs):
        accepted.append(gateway.submit(film))
        if number in deaths:
            # As far as chance has it: at once, or when something has begun or ended.
            point = chance.choice(("job handed in", "job begun", "job ended"))
            if point != "job handed in":
                _wait_for_one_more(gateway, point)
            gateway.kill()
            gateway.start()
    return accepted


def _wait_for_one_more(gateway: GatewayProcess, point: str) -> None:
    before = gateway.log.read_text().count(point)
    eventually(lambda: gateway.log.read_text().count(point) > before, f"{point} once more")


def _uploads_in(folder: Path) -> list[str]:
    return [path.name for path in files_in(folder) if path.name.startswith("upload-")]


@pytest.mark.parametrize(
    ("jobs", "kills"), [(12, 6), pytest.param(50, 25, marks=[pytest.mark.long, pytest.mark.timeout(3600)])]
)
def test_killed_again_and_again(one_gateway, data, film, jobs, kills):
    accepted = survive_kills(one_gateway, film, jobs=jobs, kills=kills, seed=8)
    ended = [one_gateway.finished(location) for location in accepted]
    assert len({job["id"] for job in ended}) == jobs
    for job in ended:
        assert job["state"] == "succeeded" or job["problem"]["detail"], job
        assert (job["state"] == "succeeded") == (job["analysis"] is not None)
    assert sum(job["state"] == "succeeded" for job in ended) >= jobs // 2
    assert_never_twice_at_once(one_gateway)
    assert set(runs(one_gateway)) == {job["id"] for job in ended}
    # Those of jobs that ended the process too often go with the next sweep.
    eventually(lambda: not _uploads_in(data / "files"), "uploads go when the analysis ends")


def test_nothing_stays_past_its_retention(one_gateway, data, film):
    one_gateway.start()
    location = one_gateway.submit(film, **{"idempotency-key": "one"})
    one_gateway.finished(location)
    assert files_in(data / "files")
    assert all(stat.S_IMODE(folder.stat().st_mode) == 0o700 for folder in (data, data / "files"))
    one_gateway.kill()
    one_gateway.set("jobs__retention_seconds", 0.2)
    one_gateway.start()
    eventually(lambda: one_gateway.client.get(location).status_code == 404, "the job is erased")
    eventually(lambda: not files_in(data / "files"), "its files are erased")


def test_what_failed_while_services_were_down_is_tried_again_under_the_same_key(one_gateway, house, film):
    services = ("face", "speech", "fusion")
    for name in services:
        one_gateway.set(f"{name}_url", "http://127.0.0.1:9")
    one_gateway.start()
    wish = {"idempotency-key": "one", "prefer": "wait=50"}
    first = one_gateway.client.post("/v1/analyses", content=film, headers=wish)
    assert first.status_code == 503
    assert int(first.headers["retry-after"]) > 0
    assert first.json()["request_id"] == first.headers["x-request-id"]
    one_gateway.kill()
    for name in services:
        one_gateway.set(f"{name}_url", getattr(house, name))
    one_gateway.start()
    again = one_gateway.client.post("/v1/analyses", content=film, headers=wish)
    assert again.status_code == 200, again.text
    assert again.headers["location"] != first.headers["location"]
    # The first is forgotten without the key, which stands for the second.
    assert one_gateway.client.delete(first.headers["location"]).status_code == 204
    assert one_gateway.client.post("/v1/analyses", content=film, headers=wish).json() == again.json()


def test_every_beginning_of_a_job_has_a_number_of_its_own(one_gateway, house, film):
    one_gateway.set("fusion_url", "http://127.0.0.1:9")
    one_gateway.start()
    location = one_gateway.submit(film)
    eventually(lambda: one_gateway.log.read_text().count("job begun") >= 2, "it is tried again")
    one_gateway.kill()
    one_gateway.set("fusion_url", house.fusion)
    one_gateway.start()
    job = one_gateway.finished(location)
    events: list[tuple[str, str, str]] = []
    follow(one_gateway, location, events)
    begun = [json.loads(data)["attempt"] for _, name, data in events if name == "started"]
    assert begun[:2] == [1, 2]
    assert begun == sorted(set(begun))
    assert len(begun) >= 3
    assert (job["state"], job["attempts"]) == ("succeeded", begun[-1])


def test_a_file_that_kills_the_process_is_not_tried_for_ever(one_gateway, long_film):
    one_gateway.start()
    location = one_gateway.submit(long_film)
    for death in range(4):
        begun = death + 1
        eventually(lambda: one_gateway.log.read_text().count("job begun") >= begun, "it is begun")  # noqa: B023
        one_gateway.kill()
        one_gateway.start()
    job = one_gateway.finished(location)
    assert job["state"] == "failed"
    assert "ended 4 times" in job["problem"]["detail"]


def test_an_orderly_stop_hands_over_too(one_gateway, long_film):
    one_gateway.start()
    location = one_gateway.submit(long_film)
    eventually(lambda: "job begun" in one_gateway.log.read_text(), "it is begun")
    one_gateway.client.get(location)
    process = one_gateway._process
    process.terminate()
    # uvicorn passes the signal on when it has closed everything.
    assert process.wait(60) in {0, -signal.SIGTERM}
    one_gateway.start()
    assert one_gateway.finished(location)["state"] == "succeeded"
    assert_never_twice_at_once(one_gateway)
    assert "Traceback" not in one_gateway.log.read_text()


def follow(gateway: GatewayProcess, location: str, events: list[tuple[str, str, str]]) -> None:
    """Read what comes after these events of a job, until the stream ends; raises where it breaks."""
    last = {"last-event-id": events[-1][0]} if events else {}
    with gateway.client.stream("GET", f"{location}/events", headers=last) as answer:
        events += ((sent.id, sent.event, sent.data) for sent in EventSource(answer).iter_sse())


@pytest.mark.parametrize("death", ["kill", "stop"])
def test_a_follower_lacks_nothing_after_a_death(one_gateway, long_film, death):
    one_gateway.start()
    location = one_gateway.submit(long_film, detail="timeline")
    events: list[tuple[str, str, str]] = []
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(follow, one_gateway, location, events)
        eventually(lambda: len(events) > 2, "something is told")
        if death == "kill":
            one_gateway.kill()
            assert isinstance(following.exception(), httpx.TransportError)
        else:
            one_gateway._process.terminate()
            assert following.result() is None
            one_gateway._process.wait(60)
    one_gateway.start()
    while events[-1][0] != "end":
        follow(one_gateway, location, events)
    whole: list[tuple[str, str, str]] = []
    follow(one_gateway, location, whole)
    assert events == whole
    assert [number for number, _, _ in events[:-1]] == [str(at) for at in range(len(events) - 1)]
    begun = [json.loads(data)["attempt"] for _, name, data in events if name == "started"]
    assert (begun, events[-1][1]) == ([1, 2], "done")
    assert not [line for line in one_gateway.lines() if line.get("level") == "error"]


def test_a_job_that_is_erased_while_it_runs_is_no_fault(one_gateway, film, long_film):
    one_gateway.start()
    location = one_gateway.submit(long_film)
    eventually(lambda: "job begun" in one_gateway.log.read_text(), "it is begun")
    assert one_gateway.client.delete(location).status_code == 204
    eventually(lambda: "job ended" in one_gateway.log.read_text(), "the work on it has ended")
    assert one_gateway.finished(one_gateway.submit(film))["state"] == "succeeded"
    assert not [line for line in one_gateway.lines() if line.get("level") == "error"]


def test_what_was_not_accepted_leaves_nothing(one_gateway, data: Path, film):
    one_gateway.start()
    one_gateway.finished(one_gateway.submit(film))
    before = files_in(data / "files")
    with pytest.raises(httpx.TransportError):
        one_gateway.client.post(
            "/v1/analyses", content=_broken_off(film), headers={"prefer": "respond-async"}
        )
    assert one_gateway.client.get("/health/live").is_success
    assert files_in(data / "files") == before


def _broken_off(film: bytes):
    yield film[: len(film) // 2]
    raise httpx.WriteError("the cable is pulled")
