"""Reading and writing pipes without blocking the event loop: bytes go straight from and into buffers."""

import asyncio
import contextlib
import fcntl
import os
from typing import Self

_WANTED_BYTES = 1 << 20


def make_pipe() -> tuple[int, int]:
    """Give (reading end that does not block, writing end that does), as roomy as the kernel allows."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        # A user has a budget of pipe memory; a smaller pipe is only slower.
        with contextlib.suppress(OSError):
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _WANTED_BYTES)
    return reader, writer


class PipeReader:
    """Fills buffers from a pipe's reading end, which it owns."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._stopped = False

    async def fill(self, buffer: memoryview) -> bool:
        """Fill the whole buffer; False if the pipe ended, or was stopped, before."""
        while buffer.nbytes:
            if self._stopped:
                return False
            try:
                count = os.readv(self._descriptor, [buffer])
            except BlockingIOError:
                await self._readable()
                continue
            if count == 0:
                return False
            buffer = buffer[count:]
        return True

    def stop(self) -> None:
        """Make the reader that waits, and every later one, see the end."""
        self._stopped = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """Close the pipe: the writer is told by its next write."""
        if self._descriptor >= 0:
            self.stop()
            os.close(self._descriptor)
            self._descriptor = -1

    async def _readable(self) -> None:
        self._waiter = self._loop.create_future()
        self._loop.add_reader(self._descriptor, self._on_readable)
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._loop.remove_reader(self._descriptor)

    def _on_readable(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class PipeWriter:
    """Writes to a pipe's writing end, which it owns; leaving the context closes it.

    Args:
        descriptor: the end, which is made not to block.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def write(self, data: bytes) -> bool:
        """Write everything, as fast as the reader takes it; False if nobody reads any more."""
        rest = memoryview(data)
        while rest.nbytes:
            if self._descriptor < 0:
                return False
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                await self._writable()
            except BrokenPipeError:
                return False
        return True

    def close(self) -> None:
        """Close the pipe: the reader sees the end."""
        if self._descriptor >= 0:
            self._on_writable()
            os.close(self._descriptor)
            self._descriptor = -1

    async def _writable(self) -> None:
        self._waiter = self._loop.create_future()
        self._loop.add_writer(self._descriptor, self._on_writable)
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _on_writable(self) -> None:
        self._loop.remove_writer(self._descriptor)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
