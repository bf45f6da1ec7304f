"""Calls to the inner services."""

import httpx
import pytest

from gateway.services import FusionService
from shared.client import ServiceClient
from shared.contracts.fusion import FusionRequest, FusionResult
from shared.contracts.media import MediaKind
from shared.deadlines import HEADER

NOTHING = FusionResult(
    emotion=None, face=None, speech=None, people=(), moments=(), persons_by_frame=(), model="fusion-default-1"
)


class NotingTheTime(httpx.AsyncBaseTransport):
    """Answers at once, and keeps the seconds that the call was given."""

    seconds = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seconds = int(request.headers[HEADER]) / 1000
        return httpx.Response(200, content=NOTHING.model_dump_json())


@pytest.mark.parametrize(("mebibytes", "times"), [(0, 1), (32, 2), (224, 8)])
async def test_a_longer_film_has_more_time_to_be_fused(mebibytes, times):
    transport = NotingTheTime()
    async with ServiceClient("fusion", "http://fusion", transport=transport) as client:
        request = FusionRequest(kind=MediaKind.FILM, seconds=7200)
        await FusionService(client, seconds=100).fuse(request, [b" " * (1 << 20)] * mebibytes)
    assert transport.seconds == pytest.approx(100 * times, rel=0.05)
