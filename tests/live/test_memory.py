"""Memory does not grow with the length of a stream."""

from collections.abc import Iterator

import pytest

from tests.cli.processes import resident_bytes
from tests.live.client import watch
from tests.live.gateway_process import LiveGateway, start_live_gateway
from tests.live.simulated import send_hurried

_MEGABYTE = 1e6


@pytest.fixture
def process(house, tmp_path) -> Iterator[LiveGateway]:
    with start_live_gateway(house, tmp_path) as gateway:
        yield gateway


async def growth(process, faces, minutes, *, settled):
    """Send a stream of so many minutes; give how many bytes gateway and decoder grew after the first ones."""
    held = {}
    async with watch(process.url, "pictures") as viewer:
        (decoder,) = process.decoders()

        def look(minute):
            held[minute] = (resident_bytes(process.pid), resident_bytes(decoder))

        await send_hurried(viewer, 60 * minutes, faces, after_each_minute=look)
        done = viewer.events[-1]
    assert done.seconds == 60 * minutes
    assert done.frames.read > minutes
    return [after - before for before, after in zip(held[settled], held[minutes], strict=True)]


async def test_a_few_minutes(process, faces):
    gateway, decoder = await growth(process, faces, 3, settled=1)
    assert gateway < 20 * _MEGABYTE
    assert decoder < 10 * _MEGABYTE


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_half_an_hour(process, faces):
    gateway, decoder = await growth(process, faces, 30, settled=5)
    assert gateway < 15 * _MEGABYTE
    assert decoder < 5 * _MEGABYTE
