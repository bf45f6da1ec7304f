"""Bodies sent piece by piece."""

import httpx
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.client import ServiceClient
from shared.npy import read_npy, stacked_npy, write_npy
from shared.pieces import Pieces


async def pieces_of(body):
    return [piece async for piece in body]


@pytest.mark.parametrize(
    "sizes", [[], [0], [1, 2, 3], [1_300_000, 1, 2_700_000], [1000] * 4000, [1 << 20] * 2]
)
async def test_nothing_is_lost_and_no_piece_is_large(sizes):
    parts = [bytes([index % 251]) * size for index, size in enumerate(sizes)]
    body = Pieces([memoryview(part) if index % 2 else part for index, part in enumerate(parts)])
    pieces = await pieces_of(body)
    assert b"".join(pieces) == b"".join(parts)
    assert len(body) == sum(sizes)
    assert all(0 < len(piece) <= 1 << 20 for piece in pieces)
    assert len(pieces) <= 2 + 2 * sum(sizes) // 1 << 20 + sum(size > 1 << 19 for size in sizes)
    assert await pieces_of(body) == pieces


def test_arrays_are_stacked_without_a_copy():
    arrays = [np.full((4, 6, 3), value, np.uint8) for value in range(5)]
    arrays[2] = np.asfortranarray(arrays[2])
    body = b"".join(stacked_npy(arrays))
    assert body == write_npy(np.stack(arrays))
    np.testing.assert_array_equal(read_npy(body, dtype=np.uint8, ndim=4), np.stack(arrays))


@pytest.mark.parametrize(
    "arrays", [[], [np.zeros(3), np.zeros(4)], [np.zeros(3, np.float32), np.zeros(3, np.float64)]]
)
def test_only_arrays_of_one_kind_are_stacked(arrays):
    with pytest.raises(ValueError, match="one shape and type"):
        stacked_npy(arrays)


async def test_a_body_of_pieces_has_its_length_and_may_be_sent_again():
    seen = []

    async def take(request: Request) -> Response:
        body = await request.body()
        seen.append((request.headers.get("content-length"), "transfer-encoding" in request.headers, body))
        return Response(b"done", status_code=503 if len(seen) == 1 else 200)

    app = Starlette(routes=[Route("/x", take, methods=["POST"])])
    async with ServiceClient("face", "http://face", transport=httpx.ASGITransport(app)) as client:
        body = Pieces([b"a" * 300_000, b"b"])
        assert await client.post("/x", body, media_type="text/plain", seconds=5) == b"done"
    assert len(body) == 0, "released, for the HTTP client keeps requests in cycles"
    assert seen == [("300001", False, b"a" * 300_000 + b"b")] * 2
