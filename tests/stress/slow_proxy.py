"""A TCP proxy that lets bytes through slowly or not at all: a real service that is slow or away."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class SlowProxy:
    """Stands before one port of this machine.

    Args:
        url: its own address.
        delay: seconds that each piece of an answer waits; may be changed while it runs.
        is_away: whether connections break at once; may be changed as well.
    """

    url: str
    delay: float
    is_away: bool = False


@contextlib.contextmanager
def slowed(port: int, *, delay: float) -> Iterator[SlowProxy]:
    """Run a proxy before a port, in a thread of its own."""
    loop = asyncio.new_event_loop()
    proxy = SlowProxy("", delay)
    listening = threading.Event()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if proxy.is_away:
            writer.close()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(
            _pump(proxy, reader, there_writer, slow=False), _pump(proxy, there_reader, writer, slow=True)
        )

    async def serve() -> None:
        server = await asyncio.start_server(connect, "127.0.0.1", 0)
        proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        listening.set()
        with contextlib.suppress(asyncio.CancelledError):
            await server.serve_forever()

    serving = loop.create_task(serve())

    def run() -> None:
        loop.run_until_complete(serving)
        open_ends = asyncio.all_tasks(loop)
        for task in open_ends:
            task.cancel()
        if open_ends:
            loop.run_until_complete(asyncio.gather(*open_ends, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    listening.wait()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(serving.cancel)
        thread.join()


async def _pump(
    proxy: SlowProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool
) -> None:
    with contextlib.suppress(ConnectionError, asyncio.CancelledError):
        while piece := await reader.read(65_536):
            if slow:
                await asyncio.sleep(proxy.delay)
            if proxy.is_away:
                break
            writer.write(piece)
            await writer.drain()
    writer.close()
