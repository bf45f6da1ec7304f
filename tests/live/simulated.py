"""A long stream in a short time: sent as fast as it is taken, while what comes back is read."""

import asyncio
from collections.abc import Callable

from tests import media_files
from tests.live.client import Viewer, packets

_PIECE_SECONDS = 10.0


async def send_hurried(
    viewer: Viewer, seconds: float, faces: list[bytes], *, after_each_minute: Callable[[int], None]
) -> None:
    """Send pictures at 5 a second and a voice, and end the stream; nothing of what comes back is kept.

    Args:
        viewer: of an open stream of pictures.
        seconds: length of the stream.
        faces: JPEGs.
        after_each_minute: called with the number of minutes that were sent.
    """
    voice = media_files.speech(_PIECE_SECONDS)
    reached = _Reached(viewer)
    reading = asyncio.create_task(reached.read_to_the_end())
    for piece in range(round(seconds / _PIECE_SECONDS)):
        start = piece * _PIECE_SECONDS
        for _, message in packets(_PIECE_SECONDS, faces=faces, voice=voice, start=start):
            await viewer.connection.send(message)
        if (start + _PIECE_SECONDS) % 60 == 0:
            await reached.wait_for(start + _PIECE_SECONDS - 1, reading)
            after_each_minute(round((start + _PIECE_SECONDS) / 60))
    await viewer.say(event="end")
    await reading


class _Reached:
    """Reads what comes back, and knows how far the server has come.

    Args:
        viewer: of the stream.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._seconds = 0.0
        self._changed = asyncio.Event()

    async def read_to_the_end(self) -> None:
        while (event := await self._viewer.next()).event != "done":
            # The last ones stay.
            del self._viewer.events[:-50]
            if event.event == "progress":
                self._seconds = event.seconds
                self._changed.set()

    async def wait_for(self, seconds: float, reading: "asyncio.Task[None]") -> None:
        """Wait until the server has come so far, or the stream has ended."""
        while self._seconds < seconds:
            changed = asyncio.create_task(self._changed.wait())
            done, _ = await asyncio.wait({changed, reading}, return_when=asyncio.FIRST_COMPLETED)
            self._changed.clear()
            if reading in done:
                changed.cancel()
                await reading
                raise AssertionError("the stream ended early")
