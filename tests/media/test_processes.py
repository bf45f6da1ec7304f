"""The decoding processes: bounded, ended when nobody wants them, replaced when they die, never left."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from gateway.media.decoder import DecodedFrame, DecodeOptions, DecoderPool
from gateway.media.limits import MediaLimits
from shared.contracts.problems import Problem
from tests import media_files
from tests.cli.processes import children_of, decoders_of, is_alive, waits_for_an_upload
from tests.media.conftest import decode_all, refusal_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    """A film that nobody reads to its end."""
    folder = tmp_path_factory.mktemp("endless")
    picture = media_files.noise(640, 480)
    jpeg = media_files.write_picture(folder / "a.jpg", picture).read_bytes()
    return media_files.moving_jpegs(folder / "endless.avi", jpeg, size=(640, 480), frames=1500)


async def until(condition, seconds=5.0):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "it did not come to that in time"
        await asyncio.sleep(0.01)


def soon(seconds=30.0):
    return time.monotonic() + seconds


def nursery_pid(pool):
    return pool._nursery.pid


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_nothing_is_left_after_good_and_bad_uploads(pool, endless, made, tmp_path):
    (tmp_path / "text").write_bytes(b"no film")
    await decode_all(pool, made("PICTURES", "png"))
    before = open_descriptors(), decoders_of(nursery_pid(pool))
    for _ in range(3):
        await decode_all(pool, made("FILMS", "mp4"))
        await refusal_of(pool, tmp_path / "text")
        async with pool.decode(endless, DecodeOptions(), deadline=soon()) as decoding:
            await decoding.probe()
    assert (open_descriptors(), decoders_of(nursery_pid(pool))) == before == (before[0], [])
    assert pool.state.running == pool.state.waiting == 0


async def test_leaving_early_ends_the_process(pool, endless):
    async with pool.decode(endless, DecodeOptions(fps=25), deadline=soon()) as decoding:
        async for piece in decoding:
            assert isinstance(piece, DecodedFrame)
            (child,) = decoders_of(nursery_pid(pool))
            break
    assert not is_alive(child)
    assert decoders_of(nursery_pid(pool)) == []


async def test_a_cancelled_caller_ends_the_process(pool, endless):
    began = asyncio.Event()

    async def caller():
        async with pool.decode(endless, DecodeOptions(fps=25), deadline=soon()) as decoding:
            async for _ in decoding:
                began.set()

    task = asyncio.create_task(caller())
    await began.wait()
    assert len(decoders_of(nursery_pid(pool))) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not decoders_of(nursery_pid(pool)))
    assert pool.state.running == 0


async def test_an_error_of_the_caller_ends_the_process(pool, endless):
    async def caller():
        async with pool.decode(endless, DecodeOptions(), deadline=soon()) as decoding:
            await decoding.probe()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await caller()
    assert decoders_of(nursery_pid(pool)) == []


async def test_who_does_not_read_holds_the_process_up_and_no_memory(pool, endless):
    async with pool.decode(endless, DecodeOptions(fps=25), deadline=soon()) as decoding:
        await decoding.probe()
        (child,) = decoders_of(nursery_pid(pool))
        ticks = []
        for _ in range(3):
            await asyncio.sleep(0.4)
            fields = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()
            ticks.append(int(fields[11]) + int(fields[12]))
        assert ticks[1] == ticks[2]
        resident = int(Path(f"/proc/{child}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        assert resident < 150 << 20


async def test_memory_does_not_grow_with_length(pool, tmp_path):
    jpeg = media_files.write_picture(tmp_path / "a.jpg", media_files.noise(320, 240)).read_bytes()
    peaks = []
    for frames in (250, 5000):
        path = media_files.moving_jpegs(tmp_path / f"{frames}.avi", jpeg, size=(320, 240), frames=frames)
        peaks.append((await decode_all(pool, path, fps=1)).peak_bytes)
    assert peaks[1] < peaks[0] + (8 << 20)


async def test_the_deadline_while_reading(pool, endless):
    async def caller():
        async with pool.decode(endless, DecodeOptions(fps=25), deadline=soon(0.6)) as decoding:
            async for _ in decoding:
                await asyncio.sleep(0.01)

    with pytest.raises(Problem) as caught:
        await caller()
    assert caught.value.name == "deadline-exceeded"
    assert decoders_of(nursery_pid(pool)) == []


async def test_the_deadline_while_nobody_reads(pool, endless):
    async with pool.decode(endless, DecodeOptions(fps=25), deadline=soon(0.6)) as decoding:
        await decoding.probe()
        await until(lambda: not decoders_of(nursery_pid(pool)))
        with pytest.raises(Problem) as caught:
            async for _ in decoding:
                pass
    assert caught.value.name == "deadline-exceeded"


async def test_the_deadline_has_passed_already(pool, made):
    with pytest.raises(Problem) as caught:
        await decode_all(pool, made("PICTURES", "jpeg"), seconds=-1)
    assert caught.value.name == "deadline-exceeded"


async def test_more_callers_than_places_wait(limited, made, endless):
    pool = await limited()
    async with pool.decode(endless, DecodeOptions(), deadline=soon()) as decoding:
        await decoding.probe()
        with pytest.raises(Problem) as caught:
            async with pool.decode(made("PICTURES", "jpeg"), DecodeOptions(), deadline=soon(0.2)):
                pass
        assert caught.value.name == "deadline-exceeded"
        waiter = asyncio.create_task(decode_all(pool, made("PICTURES", "jpeg")))
        await until(lambda: pool.state.waiting == 1)
    assert len((await waiter).frames) == 1


async def test_ten_first_uploads_at_once(made):
    async with DecoderPool(limits=MediaLimits(), max_processes=4) as pool:
        work = [decode_all(pool, made("PICTURES", "jpeg")) for _ in range(10)]
        assert [len(picture.frames) for picture in await asyncio.gather(*work)] == [1] * 10


async def test_a_killed_process_is_not_the_files_fault(pool, endless):
    async with pool.decode(endless, DecodeOptions(fps=25), deadline=soon()) as decoding:
        await decoding.probe()
        os.kill(decoders_of(nursery_pid(pool))[0], signal.SIGKILL)
        with pytest.raises(Problem) as caught:
            async for _ in decoding:
                pass
    assert caught.value.name == "service-unavailable"
    assert caught.value.retry_after is not None


async def test_a_crashed_process_is(pool, endless):
    async with pool.decode(endless, DecodeOptions(fps=25), deadline=soon()) as decoding:
        await decoding.probe()
        os.kill(decoders_of(nursery_pid(pool))[0], signal.SIGSEGV)
        with pytest.raises(Problem) as caught:
            async for _ in decoding:
                pass
    assert (caught.value.name, caught.value.field) == ("damaged-media", "file")


async def test_a_stopped_process_is_ended_at_the_deadline(pool, endless):
    async def caller():
        async with pool.decode(endless, DecodeOptions(fps=25), deadline=soon(1.0)) as decoding:
            await decoding.probe()
            os.kill(decoders_of(nursery_pid(pool))[0], signal.SIGSTOP)
            async for _ in decoding:
                pass

    with pytest.raises(Problem) as caught:
        await caller()
    assert caught.value.name == "deadline-exceeded"
    assert decoders_of(nursery_pid(pool)) == []


async def test_a_killed_nursery_takes_its_children_along_and_is_replaced(limited, made, endless):
    pool = await limited()
    first = nursery_pid(pool)
    async with pool.decode(endless, DecodeOptions(fps=25), deadline=soon()) as decoding:
        await decoding.probe()
        (child,) = decoders_of(first)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(Problem) as caught:
            async for _ in decoding:
                pass
    assert caught.value.name == "service-unavailable"
    await until(lambda: not is_alive(child) and not is_alive(first))
    assert len((await decode_all(pool, made("PICTURES", "jpeg"))).frames) == 1
    assert nursery_pid(pool) != first
    assert pool.state.restarts == 1
    assert first not in children_of(os.getpid())


async def test_a_stopped_nursery_is_replaced(limited, made, endless):
    pool = await limited()
    first = nursery_pid(pool)
    async with pool.decode(endless, DecodeOptions(fps=25), deadline=soon()) as decoding:
        await decoding.probe()
        (child,) = decoders_of(first)
        os.kill(first, signal.SIGSTOP)
    await until(lambda: not is_alive(child) and not is_alive(first))
    assert len((await decode_all(pool, made("PICTURES", "jpeg"))).frames) == 1


async def test_a_closed_pool_leaves_nothing_and_takes_nothing(made):
    before = set(children_of(os.getpid()))
    pool = DecoderPool(limits=MediaLimits(), max_processes=1)
    await pool.start()
    await pool.close()
    assert set(children_of(os.getpid())) == before
    assert (await refusal_of(pool, made("PICTURES", "jpeg"))).name == "service-unavailable"


@pytest.mark.parametrize("stopped", [False, True])
def test_a_killed_gateway_leaves_no_orphan(endless, stopped):
    script = textwrap.dedent("""
        import asyncio, os, sys, time
        from pathlib import Path
        from gateway.media.decoder import DecodeOptions, DecoderPool
        from gateway.media.limits import MediaLimits

        async def main():
            async with DecoderPool(limits=MediaLimits(), max_processes=1) as pool:
                deadline = time.monotonic() + 60
                async with pool.decode(Path(sys.argv[1]), DecodeOptions(), deadline=deadline) as decoding:
                    await decoding.probe()
                    print(pool._nursery.pid, flush=True)
                    await asyncio.sleep(60)

        asyncio.run(main())
    """)
    command = [sys.executable, "-c", script, str(endless)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as gateway:
        nursery = int(gateway.stdout.readline())
        (child,) = decoders_of(nursery)
        if stopped:
            os.kill(nursery, signal.SIGSTOP)
        gateway.kill()
    give_up = time.monotonic() + 5
    while is_alive(nursery) or is_alive(child):
        assert time.monotonic() < give_up
        time.sleep(0.01)


def spares_of(pool):
    return [pid for pid in children_of(nursery_pid(pool)) if waits_for_an_upload(pid)]


async def rested(pool):
    """Wait until a child is there ahead of its upload."""
    await until(lambda: spares_of(pool), seconds=30)
    return spares_of(pool)[0]


async def test_a_child_that_waits_takes_one_upload_and_ends(limited, made):
    pool = await limited()
    taken = []
    for kind, name in (("PICTURES", "jpeg"), ("FILMS", "mp4"), ("PICTURES", "png")):
        spare = await rested(pool)
        async with pool.decode(made(kind, name), DecodeOptions(), deadline=soon()) as decoding:
            await decoding.probe()
            started = await decoding._job.started
            assert [piece async for piece in decoding]
        assert started.pid == spare
        assert not is_alive(spare)
        taken.append(spare)
    assert len(set(taken)) == len(taken)


async def test_a_child_waits_for_an_upload_while_a_stream_goes_on(limited, made):
    pool = await limited()
    first = await rested(pool)
    stream = DecodeOptions(unended="container")
    async with pool.decode_stream(stream, pool.limits, deadline=soon()) as (decoding, _):
        assert (await decoding._job.started).pid == first
        for _ in range(2):
            await until(lambda: set(spares_of(pool)) - {first}, seconds=30)
            (spare,) = set(spares_of(pool)) - {first}
            async with pool.decode(made("PICTURES", "jpeg"), DecodeOptions(), deadline=soon()) as upload:
                await upload.probe()
                assert (await upload._job.started).pid == spare
        assert is_alive(first)


async def test_a_child_that_waits_holds_nothing_and_is_shut_in_with_its_upload(limited, endless):
    pool = await limited()
    spare = await rested(pool)
    # Three standard streams and the channel on which its order comes.
    await until(lambda: {entry.name for entry in Path(f"/proc/{spare}/fd").iterdir()} == set("0123"))
    async with pool.decode(endless, DecodeOptions(fps=25), deadline=soon()) as decoding:
        await decoding.probe()
        assert (await decoding._job.started).pid == spare
        status = Path(f"/proc/{spare}/status").read_text()
        assert ("Seccomp:\t2" in status) == pool.state.measures.system_call_filter
        assert "NoNewPrivs:\t1" in status
        limits = Path(f"/proc/{spare}/limits").read_text()
        assert "Max open files            5                    5" in limits
        assert "Max file size             0                    0" in limits


async def test_a_child_that_waits_may_be_killed(limited, made):
    pool = await limited()
    spare = await rested(pool)
    os.kill(spare, signal.SIGKILL)
    await until(lambda: not is_alive(spare), seconds=30)
    for _ in range(2):
        assert len((await decode_all(pool, made("PICTURES", "jpeg"))).frames) == 1
    assert pool.state.restarts == 0
    await until(lambda: is_alive(spares_of(pool)[0]) if spares_of(pool) else False, seconds=30)


async def test_a_child_that_waits_ends_with_its_parent(limited, made):
    pool = await limited()
    spare, first = await rested(pool), nursery_pid(pool)
    os.kill(first, signal.SIGKILL)
    await until(lambda: not is_alive(spare), seconds=30)
    await until(lambda: pool._nursery is not None and nursery_pid(pool) != first, seconds=30)
    last = await rested(pool)
    await pool.close()
    await until(lambda: not is_alive(last), seconds=30)
