"""`open_live` against the running server."""

import asyncio

import pytest

from emotion_client import ProblemError, ServerUnreachableError, open_live
from tests import media_files
from tests.live.client import jpeg, pcm
from tests.servers import House


async def test_pictures_and_sound(house: House) -> None:
    faces = [jpeg(picture) for picture in media_files.moving_face(media_files.astronaut(), frames=2)]
    async with open_live(house.gateway, fps=2) as stream:
        assert stream.ready.options.fps == 2
        await stream.send_sound(0.0, pcm(media_files.speech(1)))
        for number, face in enumerate(faces):
            await stream.send_picture(number / 2, face)
        await stream.end()
        seen = [event.event async for event in stream]
    assert "faces" in seen
    assert seen[-1] == "done"


async def test_what_is_wrong_is_raised(house: House) -> None:
    async with open_live(house.gateway) as stream:
        await stream.send_picture(0.0, b"no picture")
        with pytest.raises(ProblemError) as error:
            async for _ in stream:
                pass
        assert error.value.name == "damaged-media"
        with pytest.raises(ServerUnreachableError, match="1007 damaged-media"):
            await stream.send_picture(1.0, b"too late")


@pytest.mark.parametrize(
    ("options", "field"),
    [({"fps": 99}, "fps"), ({"baseline": "on"}, "baseline"), ({"window": 5}, "window"), ({"fps": []}, "fps")],
)
async def test_a_wrong_option_is_the_servers_problem(
    house: House, options: dict[str, object], field: str
) -> None:
    with pytest.raises(ProblemError) as error:
        async with open_live(house.gateway, **options):
            pass
    assert (error.value.name, error.value.document.field) == ("bad-parameter", field)


async def test_options_reach_the_server(house: House) -> None:
    async with open_live(house.gateway, baseline="off", strategy=None, modalities=["face"]) as stream:
        options = stream.ready.options
    assert (options.baseline, options.strategy, options.modalities) == ("off", None, ("face",))


async def test_nobody_is_there() -> None:
    with pytest.raises(ServerUnreachableError):
        async with open_live("http://127.0.0.1:9"):
            pass


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "the answer is 404"),
        (b"SSH-2.0-Server\r\n", "no emotion server"),
    ],
)
async def test_why_it_cannot_be_opened_is_said(answer: bytes, why: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ServerUnreachableError, match=why):
            async with open_live(f"http://127.0.0.1:{port}"):
                pass
