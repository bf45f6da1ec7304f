"""The store of uploads and results: a folder, and a bucket of a real S3 server."""

import asyncio
import io
import os
import shutil

import pytest

from gateway.jobs import store as jobs_store
from gateway.jobs.object_store import BucketStore
from gateway.jobs.store import FolderStore, open_private_folder
from shared.contracts.problems import Problem
from tests.jobs.gateway_process import GatewayProcess, eventually
from tests.jobs.s3_server import MoodyDoor, moody_door


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path):
    if request.param == "folder":
        return FolderStore(tmp_path / "files")
    return BucketStore(request.getfixturevalue("bucket"), tmp_path)


async def test_what_is_put_is_there_until_it_is_deleted(store):
    content = bytes(range(256)) * 50_000
    await store.put("an_1/upload", io.BytesIO(content))
    await store.put_bytes("an_1/result", b"{}")
    await store.put_bytes("an_2/result", b"[]")
    assert await store.get("an_1/upload") == content
    async with store.local("an_1/upload") as path:
        assert path.read_bytes() == content
    assert await store.get_part("an_1/upload", 5, 1000) == (content[5:1005], len(content))
    assert await store.get_part("an_1/upload", len(content) - 3, 1000) == (content[-3:], len(content))
    assert set(await store.groups()) == {"an_1", "an_2"}
    assert set(await store.names("an_1")) == {"an_1/upload", "an_1/result"}
    assert all(-5 < age < 600 for age in (await store.groups()).values())
    await store.delete("an_1/upload")
    await store.delete("an_1/upload")
    assert await store.get("an_1/upload") is None
    assert await store.get_part("an_1/upload", 0, 1) is None
    async with store.local("an_1/upload") as path:
        assert path is None
    await store.delete_group("an_1")
    await store.delete_group("an_1")
    assert set(await store.groups()) == {"an_2"}
    await store.delete_group("an_2")


async def test_only_one_creates(store):
    won = await asyncio.gather(*(store.create("claims/x", str(number).encode()) for number in range(8)))
    assert sum(won) == 1
    assert await store.get("claims/x") == str(won.index(True)).encode()
    await store.delete("claims/x")
    assert await store.create("claims/x", b"again")
    await store.delete_group("claims")


async def test_a_file_is_whole_or_not_there(tmp_path):
    class Broken(io.BytesIO):
        def read(self, *arguments):
            raise OSError("the disk is full")

    store = FolderStore(tmp_path / "files")
    with pytest.raises(Exception, match="no room"):
        await store.put("an_1/upload", Broken())
    assert await store.get("an_1/upload") is None
    assert not list((tmp_path / "files" / "an_1").iterdir())


async def test_what_is_being_written_to_a_slow_disk_is_not_old(tmp_path, monkeypatch):
    """Storing half a gigabyte may take longer than an upload without a job is left alone."""
    seen = []

    class Slow(io.BytesIO):
        def read(self, *_):
            (part,) = (tmp_path / "an_1").iterdir()
            seen.append((part.stat().st_size, asyncio.run(store.groups())["an_1"]))
            # As if all that was written so far had been written long ago.
            os.utime(part, (0, 0))
            os.utime(tmp_path / "an_1", (0, 0))
            return super().read(10)

    monkeypatch.setattr(jobs_store, "_UNSYNCED_BYTES", 20)
    store = FolderStore(tmp_path)
    await store.put("an_1/upload", Slow(b"x" * 40))
    assert [size for size, _ in seen] == [0, 0, 20, 20, 40], "it goes to the disk as it comes"
    assert [age < 600 for _, age in seen] == [True, False, True, False, True]


async def test_uploads_leave_room_for_results(tmp_path):
    store = FolderStore(tmp_path / "files", keep_free=2**62)
    with pytest.raises(Problem, match="no room") as refused:
        await store.put("an_1/upload", io.BytesIO(b"a film"))
    assert "EMOTION_JOBS__DATA_FOLDER" in refused.value.remedy
    assert not list((tmp_path / "files" / "an_1").iterdir())
    with pytest.raises(Problem, match="no room"):
        await store.create("claims/one", b"{}")
    assert not list((tmp_path / "files" / "claims").iterdir())
    await store.put_bytes("an_2/result", b"{}")
    assert await store.get("an_2/result") == b"{}"


def test_a_folder_of_others_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(OSError, match="not a folder of this user"):
        open_private_folder(tmp_path / "link")
    wide = tmp_path / "wide"
    wide.mkdir(mode=0o755)
    assert open_private_folder(wide).stat().st_mode & 0o777 == 0o700
    shutil.rmtree(wide)


@pytest.fixture
def door(bucket):
    with moody_door() as door:
        yield door


async def test_every_call_says_that_the_bucket_is_away(bucket, door: MoodyDoor, tmp_path):
    store = BucketStore(bucket, tmp_path)
    await store.put_bytes("an_1/result", b"{}")
    door.refuses = frozenset({"GET", "PUT", "POST", "DELETE", "HEAD"})

    async def fetched() -> None:
        async with store.local("an_1/result"):
            pass

    calls = [
        store.put_bytes("an_1/other", b""),
        store.create("claims/x", b""),
        store.get("an_1/result"),
        store.get_part("an_1/result", 0, 1),
        fetched(),
        store.delete_group("an_1"),
        store.delete("an_1/result"),
        store.groups(),
        store.names("an_1"),
    ]
    for call in calls:
        with pytest.raises(Problem) as refused:
            await call
        assert (refused.value.status, refused.value.retry_after) == (503, 5)
    door.refuses = frozenset()
    await store.delete_group("an_1")


@pytest.mark.timeout(300)
def test_a_bucket_that_is_away_for_a_while_costs_no_job(house, bucket, door: MoodyDoor, tmp_path, film):
    gateway = GatewayProcess(
        house, tmp_path / "data", tmp_path / "log", jobs__store_url=f"{bucket}/{tmp_path.name}"
    )
    gateway.start()
    try:
        door.refuses = frozenset({"GET"})
        unread = gateway.submit(film)
        eventually(lambda: any("/upload-" in call for call in door.refused), "the upload was asked for")
        door.refuses = frozenset()
        assert gateway.finished(unread)["state"] == "succeeded"

        door.refuses = frozenset({"POST", "DELETE"})
        undeleted = gateway.submit(film)
        assert gateway.finished(undeleted)["state"] == "succeeded"
        assert any("/upload-" in call or "delete" in call for call in door.refused)

        door.refuses = frozenset({"GET", "POST", "DELETE"})
        for answer in (
            gateway.client.get(undeleted),
            gateway.client.get(f"{undeleted}.csv"),
            gateway.client.delete(undeleted),
        ):
            assert (answer.status_code, answer.headers.get("retry-after")) == (503, "5"), answer.text
        followed = gateway.client.get(f"{undeleted}/events")
        assert "event: started" in followed.text
        assert "id: end" not in followed.text, "whoever follows comes back for the end"
        door.refuses = frozenset()
        assert gateway.client.get(undeleted).json()["analysis"]
        assert gateway.client.get(f"{undeleted}.jsonl").text.startswith('{"record":"analysis"')
    finally:
        gateway.stop()
