"""`emotion serve --single-process`: the gateway's socket in front of four apps of one process."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Generator, Iterator

import uvicorn

from cli.house import House
from cli.single_process import Apps, apps_in_this_process
from shared.collection import spare_what_is_loaded
from shared.run import server_options


async def serve_in_this_process(house: House, door: socket.socket, *, on_ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; a second signal ends the process at once.

    Args:
        house: settings of all.
        door: where the gateway listens.
        on_ready: called once it takes work.

    Raises:
        SettingsError: jobs can never be kept where they should be.
        NotReadyError: the networks of a service cannot be loaded.
    """
    house.require_data_folder()
    stop = asyncio.Event()
    with _set_by_signals(stop):
        async with apps_in_this_process(house) as apps:
            server = _Server(uvicorn.Config(apps.gateway, **server_options(house.gateway)))
            loading = asyncio.create_task(_until_ready(apps, server, on_ready))
            stopping = asyncio.create_task(_stop_on(stop, loading, server))
            await server.serve(sockets=[door])
            stopping.cancel()
            loading.cancel()
            await asyncio.gather(loading, stopping, return_exceptions=True)
    if not loading.cancelled():
        loading.result()


class _Server(uvicorn.Server):
    """Uvicorn's, without its way with signals: it would end the process before the inner apps have closed."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def _until_ready(apps: Apps, server: _Server, on_ready: Callable[[], None]) -> None:
    await apps.wait_until_ready()
    await server.listens.wait()
    spare_what_is_loaded()
    on_ready()


async def _stop_on(stop: asyncio.Event, loading: "asyncio.Task[None]", server: _Server) -> None:
    """Stop the server on the event, or when loading fails."""
    asked = asyncio.create_task(stop.wait())
    await asyncio.wait({asked, loading}, return_when=asyncio.FIRST_COMPLETED)
    if loading.done() and loading.exception() is None:
        await asked
    asked.cancel()
    server.should_exit = True


@contextlib.contextmanager
def _set_by_signals(stop: asyncio.Event) -> Iterator[None]:
    def on_signal() -> None:
        if stop.is_set():
            os._exit(1)  # what it has started dies with it
        stop.set()

    loop = asyncio.get_running_loop()
    stop_signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    ours = [number for number in stop_signals if signal.getsignal(number) is not signal.SIG_IGN]
    for number in ours:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in ours:
            loop.remove_signal_handler(number)
