"""The parts of a stream that need no server: queues, allowances, packets."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.live.freshest import Freshest
from gateway.live.packets import Pace, PacketReader
from gateway.live.settings import LiveSettings
from gateway.media.limits import MediaLimits
from shared.allowance import Allowance
from shared.contracts.live import LiveOpen
from shared.contracts.problems import Problem
from tests.live.client import PICTURE, SOUND, packet

OPTIONS = LiveOpen(event="open", source="pictures")


async def test_the_newest_wins():
    queue = Freshest(2)
    assert [queue.put(number) for number in range(4)] == [(), (), (0,), (1,)]
    queue.close()
    assert [await queue.get() for _ in range(3)] == [2, 3, None]


async def test_who_waits_is_woken_by_an_item_and_by_the_end():
    queue = Freshest(1)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put("item")
    assert await waiting == "item"
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.close()
    assert await waiting is None


def test_an_allowance_is_averaged_over_ten_seconds():
    now = 0.0
    allowance = Allowance(2, clock=lambda: now)
    assert allowance.take(20)
    assert not allowance.take(1)
    now = 0.5
    assert allowance.take(1)
    assert not allowance.take(1)
    now = 1000.0
    assert not allowance.take(21)
    assert allowance.take(20)


def test_the_pace_takes_the_first_picture_after_each_tick():
    pace = Pace(OPTIONS)
    assert [t for t in (0.0, 0.1, 0.19, 0.2, 0.35, 0.6, 0.61, 7.0) if pace.wants(t)] == [0.0, 0.2, 0.6, 7.0]


def test_a_recorders_trembling_times_keep_their_pace():
    pace = Pace(OPTIONS)
    assert all(pace.wants(n / 5 - 0.0005) for n in range(1, 50))


def test_a_packet_is_read():
    read = PacketReader(OPTIONS).read(packet(SOUND, 1.5, bytes(3200)))
    assert (read.is_picture, read.t, read.body) == (False, 1.5, bytes(3200))


@given(some.binary(max_size=64))
def test_any_bytes_are_read_or_refused(message):
    try:
        read = PacketReader(OPTIONS).read(message)
    except Problem as problem:
        assert problem.name == "damaged-media"  # noqa: PT017 - either is right
    else:
        assert packet(read.kind, read.t, read.body) == message


def test_times_of_pictures_and_sound_rise_each_for_itself():
    reader = PacketReader(OPTIONS)
    reader.read(packet(PICTURE, 5.0, b"x"))
    reader.read(packet(SOUND, 1.0, b"xx"))
    with pytest.raises(Problem, match=r"picture of 4\.000 s comes after one of 5\.000 s"):
        reader.read(packet(PICTURE, 4.0, b"x"))


def test_the_decoder_may_take_as_long_as_a_stream():
    limits = LiveSettings(max_seconds=1000).media_limits(MediaLimits(cpu_seconds=5))
    assert limits.max_seconds > 1000
    assert limits.cpu_seconds > 2000
