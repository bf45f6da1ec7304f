"""Live streams: how soon faces come back, what a stream costs, and what it holds.

python -m benchmarks.live [--seconds 60] [--minutes 30]

Starts `emotion serve`, films a moving face with a voice at 5 pictures a second in real time, both as JPEG
packets and as a recorder's WebM, and prints Markdown: the time from a picture's sending to its faces, the CPU
time of each process, how soon everything is gone after a lost connection, and memory over a stream of half an
hour that is sent as fast as it is taken.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.films import cpu_seconds, served
from benchmarks.small_uploads import resident_megabytes
from tests import media_files
from tests.cli.processes import children_of, command_of, decoders_of
from tests.live.client import PICTURE, Viewer, jpeg, packets, watch
from tests.live.gateway_process import HURRIED
from tests.live.recordings import recorded_webm
from tests.live.simulated import send_hurried

_FPS = 5
_CLUSTER = b"\x1f\x43\xb6\x75"
_SLICE_SECONDS = 0.2


@dataclass
class Latencies:
    """Milliseconds from sending a picture (or the slice that it is in) to its faces."""

    sent: dict[float, float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)

    def row(self, name: str, viewer: Viewer) -> str:
        """Give a row of the table."""
        frames = viewer.all("done")[0].frames
        ordered = sorted(self.took)
        p95 = ordered[int(0.95 * (len(ordered) - 1))]
        return (
            f"| {name} | {statistics.median(ordered):.0f} | {p95:.0f} | {ordered[-1]:.0f} "
            f"| {frames.read} | {frames.dropped} |"
        )


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the stream in real time")
    parser.add_argument("--minutes", type=int, default=30, help="length of the simulated stream")
    arguments = parser.parse_args()
    faces = [
        jpeg(picture)
        for picture in media_files.moving_face(media_files.astronaut(), frames=50, width=640, height=480)
    ]
    with served() as (url, pids):
        asyncio.run(_in_real_time(url, pids, faces, arguments.seconds))
        asyncio.run(_lost(url, pids["gateway"], faces))
    hurried = {f"EMOTION_LIVE__{name.upper()}": str(value) for name, value in HURRIED.items()}
    with served(hurried) as (url, pids):
        asyncio.run(_for_long(url, pids["gateway"], faces, arguments.minutes))


async def _in_real_time(url: str, pids: dict[str, int], faces: list[bytes], seconds: float) -> None:
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    pictures = await _pictures(url, faces, seconds)
    spent = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
    print("\n| 640 x 480, 5 a second, with sound | median ms | p95 ms | slowest ms | read | dropped |")
    print("|---|---|---|---|---|---|")
    print(pictures)
    print(await _recording(url, min(seconds, 30.0)))
    costs = ", ".join(f"{name} {100 * spent[name] / seconds:.0f} %" for name in pids)
    print(f"\nOne stream of pictures takes of one core: {costs} (without the decoder).")


async def _pictures(url: str, faces: list[bytes], seconds: float) -> str:
    messages = list(packets(seconds, fps=_FPS, faces=faces, voice=media_files.speech(10)))
    found = Latencies()
    async with watch(url, "pictures") as viewer:
        reading = asyncio.create_task(_read(viewer, found))
        began = time.perf_counter()
        for t, message in messages:
            await asyncio.sleep(began + t - time.perf_counter())
            if message[0] == PICTURE:
                found.sent[t] = time.perf_counter()
            await viewer.connection.send(message)
        await viewer.say(event="end")
        await reading
        return found.row("JPEG packets, from sending to faces", viewer)


async def _recording(url: str, seconds: float) -> str:
    with tempfile.TemporaryDirectory() as folder:
        data = recorded_webm(Path(folder) / "film.webm", seconds=seconds, width=640, height=480)
    found = Latencies()
    async with watch(url, "container") as viewer:
        reading = asyncio.create_task(_read(viewer, found))
        began = time.perf_counter()
        for number, piece in enumerate(_slices(data)):
            # A slice is there when its last picture has been taken.
            await asyncio.sleep(began + number * _SLICE_SECONDS - time.perf_counter())
            await viewer.connection.send(piece)
            # The slice that ends now holds the frame that was wanted at its beginning.
            found.sent[round((number - 1) * _SLICE_SECONDS, 3)] = began + (number - 1) * _SLICE_SECONDS
        await viewer.say(event="end")
        await reading
        return found.row("WebM in slices of 200 ms, from filming to faces", viewer)


def _slices(data: bytes) -> Iterator[bytes]:
    """Cut a recording before each cluster; the first slice is the header."""
    header, *clusters = data.split(_CLUSTER)
    yield header
    yield from (_CLUSTER + cluster for cluster in clusters)


async def _read(viewer: Viewer, found: Latencies) -> None:
    while (event := await viewer.next()).event != "done":
        if event.event == "faces":
            sent = found.sent.get(round(event.frames[0].t, 3))
            if sent is not None:
                found.took.append((time.perf_counter() - sent) * 1000)


async def _lost(url: str, gateway: int, faces: list[bytes]) -> None:
    took = []
    for _ in range(10):
        async with watch(url, "pictures") as viewer:
            for _, message in packets(1, faces=faces):
                await viewer.connection.send(message)
            await viewer.until("faces")
            began = time.perf_counter()
            viewer.connection.transport.abort()
            while _decoders(gateway):  # noqa: ASYNC110 - it is looked at from outside
                await asyncio.sleep(0.001)
            took.append((time.perf_counter() - began) * 1000)
    middle, slowest = statistics.median(took), max(took)
    print(f"\nA lost connection's decoder is gone after {middle:.0f} ms (slowest {slowest:.0f}).")


def _decoders(gateway: int) -> list[int]:
    nurseries = [pid for pid in children_of(gateway) if "gateway.media.nursery" in command_of(pid)]
    return [pid for nursery in nurseries for pid in decoders_of(nursery)]


async def _for_long(url: str, gateway: int, faces: list[bytes], minutes: int) -> None:
    held: dict[int, tuple[float, float]] = {}
    async with watch(url, "pictures") as viewer:
        (decoder,) = _decoders(gateway)

        def look(minute: int) -> None:
            held[minute] = (resident_megabytes(gateway), resident_megabytes(decoder))

        began = time.perf_counter()
        await send_hurried(viewer, 60.0 * minutes, faces, after_each_minute=look)
        elapsed = time.perf_counter() - began
        done = viewer.all("done")[0]
    print(f"\n{minutes} minutes sent in {elapsed:.0f} s ({done.frames.read} frames read):")
    print("\n| minute | gateway MB | decoder MB |\n|---|---|---|")
    for minute in sorted({1, minutes // 6 or 1, minutes // 2 or 1, minutes}):
        print(f"| {minute} | {held[minute][0]:.0f} | {held[minute][1]:.0f} |")


if __name__ == "__main__":
    main()
