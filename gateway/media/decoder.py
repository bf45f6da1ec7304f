"""Decoding uploads in bounded processes of their own: the gateway's side.

    async with DecoderPool(limits=MediaLimits(), max_processes=2) as pool:
        async with pool.decode(path, DecodeOptions(fps=5), deadline=time.monotonic() + 60) as decoding:
            media = await decoding.probe()
            async for piece in decoding:
                ...

Leaving the inner block, for whatever reason, ends the process at once.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gateway.media.decoding import DecodedFrame, DecodedSound, Decoding
from gateway.media.limits import MediaLimits
from gateway.media.options import DecodeOptions
from gateway.media.pipe import PipeReader, PipeWriter, make_pipe
from gateway.media.process import NurseryLostError, NurseryProcess
from gateway.media.sandbox import Measures
from shared.contracts.problems import Problem

__all__ = ["DecodeOptions", "DecodedFrame", "DecodedSound", "DecoderPool", "Decoding", "PoolState"]

_RESTARTS_AT_ONCE = 5
_RESTART_WINDOW_SECONDS = 60.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolState:
    """What a metric or a health check wants to know.

    Args:
        running: decodings of files under way.
        streams: decodings of what has not ended yet.
        waiting: callers that wait for one of the places.
        restarts: how often the nursery had to be replaced.
        measures: which measures of the sandbox hold; None before the start.
    """

    running: int
    streams: int
    waiting: int
    restarts: int
    measures: Measures | None


class DecoderPool:
    """Decodes at most `max_processes` uploads at once, each in its own process, from a parent kept warm.

    Args:
        limits: what media may be and what decoding may take.
        max_processes: decodings at once; more callers wait, until their deadline.
        on_end: told how each decoding ended (`Decoding.end`).
    """

    def __init__(
        self, *, limits: MediaLimits, max_processes: int, on_end: Callable[[str], None] | None = None
    ) -> None:
        self.limits = limits
        self._on_end = on_end
        self._max_processes = max_processes
        self._places = asyncio.Semaphore(max_processes)
        self._nursery: NurseryProcess | None = None
        self._starting = asyncio.Lock()
        self._closed = False
        self._running = 0
        self._streams = 0
        self._waiting = 0
        self._measures: Measures | None = None
        self._losses: list[float] = []
        self._restarts = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Start the nursery, so that the first upload does not wait for it.

        Raises:
            Problem: `service-unavailable` where it cannot be started.
        """
        await self._living_nursery()

    async def close(self) -> None:
        """End everything and wait until no process is left."""
        self._closed = True
        async with self._starting:
            if self._nursery is not None:
                await self._nursery.stop()
                self._nursery = None
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def state(self) -> PoolState:
        """How it stands at this moment."""
        return PoolState(self._running, self._streams, self._waiting, self._restarts, self._measures)

    @contextlib.asynccontextmanager
    async def decode(self, path: Path, options: DecodeOptions, *, deadline: float) -> AsyncIterator[Decoding]:
        """Decode the file at `path`.

        Args:
            path: the upload.
            options: what is wanted.
            deadline: when the decoding is ended, on the clock of `time.monotonic`.

        Raises:
            Problem: `deadline-exceeded` while waiting for a place, `service-unavailable` where no process can
                be had. Everything about the media comes from `Decoding`.
        """
        await self._take_place(deadline)
        decoding: Decoding | None = None
        try:
            upload = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            decoding = await self._begin(upload, self.limits, options, deadline)
            yield decoding
        finally:
            await self._finish(decoding, self._give_place_back)

    @contextlib.asynccontextmanager
    async def decode_stream(
        self, options: DecodeOptions, limits: MediaLimits, *, deadline: float
    ) -> AsyncIterator[tuple[Decoding, PipeWriter]]:
        """Decode what has not ended yet: it is written to the pipe that comes along.

        Takes none of the places of `decode`: a stream keeps its process for as long as somebody films, and
        whoever lets streams in counts them.

        Args:
            options: what is wanted; `unended` tells what comes.
            limits: of this stream.
            deadline: as for `decode`.

        Raises:
            Problem: `service-unavailable` where no process can be had.
        """
        self._streams += 1
        decoding: Decoding | None = None
        try:
            upload, end = os.pipe()
            with PipeWriter(end) as pipe:
                decoding = await self._begin(upload, limits, options, deadline)
                yield decoding, pipe
        finally:
            await self._finish(decoding, self._forget_stream)

    async def _take_place(self, deadline: float) -> None:
        self._waiting += 1
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await self._places.acquire()
        except TimeoutError as error:
            detail = "No decoder became free within the time given."
            raise Problem("deadline-exceeded", detail) from error
        finally:
            self._waiting -= 1
        self._running += 1

    async def _begin(
        self, upload: int, limits: MediaLimits, options: DecodeOptions, deadline: float
    ) -> Decoding:
        """Have a process decode a descriptor, which is closed here whatever happens."""
        try:
            nursery = await self._living_nursery()
            reader, writer = make_pipe()
        except BaseException:
            os.close(upload)
            raise
        pipe = PipeReader(reader)
        try:
            identity, job = nursery.decode(upload, writer, limits, options)
        except NurseryLostError as error:
            pipe.close()
            self._replace(nursery)
            raise _unavailable() from error
        except BaseException:
            pipe.close()
            raise
        finally:
            os.close(writer)
            os.close(upload)
        return Decoding(
            nursery=nursery,
            identity=identity,
            job=job,
            pipe=pipe,
            limits=limits,
            options=options,
            deadline=deadline,
        )

    async def _finish(self, decoding: Decoding | None, give_back: Callable[[], None]) -> None:
        """Give the place back when the process is gone, even if this caller is cancelled meanwhile."""
        if decoding is None:
            give_back()
            return
        decoding.abandon()
        if self._on_end is not None:
            self._on_end(decoding.end)
        await asyncio.shield(self._in_background(self._bury(decoding, give_back)))

    async def _bury(self, decoding: Decoding, give_back: Callable[[], None]) -> None:
        try:
            if not await decoding.buried():
                logger.warning("the decoder's parent process does not answer and is replaced")
                self._replace(decoding.nursery)
        finally:
            give_back()

    def _give_place_back(self) -> None:
        self._running -= 1
        self._places.release()

    def _forget_stream(self) -> None:
        self._streams -= 1

    async def _living_nursery(self) -> NurseryProcess:
        async with self._starting:
            if self._closed:
                raise Problem("service-unavailable", "The server is shutting down.", retry_after=5)
            if self._nursery is None or self._nursery.lost:
                try:
                    self._nursery = await NurseryProcess.start(self._on_lost)
                except (NurseryLostError, OSError) as error:
                    raise _unavailable() from error
                self._note_measures(await self._nursery.measures())
            return self._nursery

    def _note_measures(self, measures: Measures) -> None:
        self._measures = measures
        if measures.missing():
            logger.warning("the decoder's sandbox goes without: %s", ", ".join(measures.missing()))

    def _on_lost(self) -> None:
        nursery = self._nursery
        if nursery is not None and not self._closed:
            self._replace(nursery)

    def _replace(self, nursery: NurseryProcess) -> None:
        if self._nursery is not nursery:
            return
        self._nursery = None
        self._restarts += 1
        now = time.monotonic()
        self._losses = [when for when in self._losses if now - when < _RESTART_WINDOW_SECONDS] + [now]
        self._in_background(self._stop_and_start(nursery, at_once=len(self._losses) <= _RESTARTS_AT_ONCE))

    async def _stop_and_start(self, nursery: NurseryProcess, *, at_once: bool) -> None:
        await nursery.stop()
        if at_once and not self._closed:
            # Beyond that it starts with the next upload, so that a nursery that cannot live does not eat the
            # CPU.
            with contextlib.suppress(Problem):
                await self._living_nursery()

    def _in_background(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _unavailable() -> Problem:
    return Problem("service-unavailable", "The decoder cannot be started.", retry_after=2)
