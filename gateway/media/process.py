"""The gateway's side of the nursery: starting it, talking to it, replacing it when it fails."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path

import gateway
from gateway.media.control import REPORTS, Decode, Ended, Kill, Ready, Receiver, Started, send
from gateway.media.limits import MediaLimits
from gateway.media.options import DecodeOptions
from gateway.media.sandbox import Measures

_START_SECONDS = 30.0
_STOP_SECONDS = 2.0
_ROOT = Path(gateway.__file__).resolve().parent.parent


class NurseryLostError(Exception):
    """The nursery has died or does not answer."""


class Job:
    """One decoding as the nursery reports on it."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.started: asyncio.Future[Started] = loop.create_future()
        self.ended: asyncio.Future[Ended] = loop.create_future()

    def lose(self) -> None:
        """Tell everybody who waits that the nursery is lost."""
        for future in (self.started, self.ended):
            if not future.done():
                future.set_exception(NurseryLostError("the decoder's parent process is gone"))
                # Nobody may be waiting; that is no error of its own.
                future.exception()


class NurseryProcess:
    """A running nursery. Made by `start`; of no use after `lost` is true."""

    def __init__(self, process: Process, channel: socket.socket, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost
        self._process = process
        self._channel = channel
        self._receiver = Receiver(channel)
        self._jobs: dict[int, Job] = {}
        self._last_id = 0
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[Measures] = self._loop.create_future()
        self.lost = False
        self._loop.add_reader(channel.fileno(), self._on_readable)

    @classmethod
    async def start(cls, on_lost: Callable[[], None]) -> "NurseryProcess":
        """Start a nursery and wait until it is ready.

        Args:
            on_lost: called once when it dies or is stopped.

        Raises:
            NurseryLostError: it does not come up.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - a standard method
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-s",
                "-m",
                "gateway.media.nursery",
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env=_environment(),
            )
        nursery = cls(process, ours, on_lost)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await nursery.measures()
        except BaseException as error:
            await nursery.stop()
            if isinstance(error, TimeoutError):
                raise NurseryLostError("the decoder's parent process did not start in time") from error
            raise
        return nursery

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    async def measures(self) -> Measures:
        """Wait until it is ready, and give the measures of its sandbox that hold."""
        return await asyncio.shield(self._ready)

    def decode(
        self, upload: int, output: int, limits: MediaLimits, options: DecodeOptions
    ) -> tuple[int, Job]:
        """Order a decoding.

        Args:
            upload: descriptor to read the upload from, at an offset of its own.
            output: descriptor of the pipe's end to write to.
            limits: for the media.
            options: what is wanted.

        Raises:
            NurseryLostError: it does not take orders any more.
        """
        self._last_id += 1
        order = Decode(id=self._last_id, limits=limits, options=options)
        try:
            send(self._channel, order, (upload, output))
        except OSError as error:
            raise NurseryLostError("the decoder's parent process takes no orders") from error
        job = Job()
        self._jobs[order.id] = job
        if self.lost:
            job.lose()
        return order.id, job

    def kill(self, identity: int) -> None:
        """Order the end of a decoding; nothing happens if it has ended already."""
        if not self.lost:
            with contextlib.suppress(OSError):
                send(self._channel, Kill(id=identity))

    async def stop(self) -> None:
        """End it and its children, and wait until it is gone."""
        self._lose()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            # Its children die with it.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    def _on_readable(self) -> None:
        try:
            documents = self._receiver.receive()
        except BlockingIOError:
            return
        except (OSError, ValueError):
            documents = None
        if documents is None:
            self._lose()
            return
        for document in documents:
            self._take(REPORTS.validate_python(document))

    def _take(self, report: Ready | Started | Ended) -> None:
        if isinstance(report, Ready):
            if not self._ready.done():
                self._ready.set_result(report.measures)
            return
        if isinstance(report, Started):
            job = self._jobs.get(report.id)
            if job is not None and not job.started.done():
                job.started.set_result(report)
            return
        job = self._jobs.pop(report.id, None)
        if job is not None and not job.ended.done():
            job.ended.set_result(report)

    def _lose(self) -> None:
        if self.lost:
            return
        self.lost = True
        self._loop.remove_reader(self._channel.fileno())
        self._channel.close()
        if not self._ready.done():
            self._ready.set_exception(NurseryLostError("the decoder's parent process died at its start"))
            self._ready.exception()
        jobs, self._jobs = self._jobs, {}
        for job in jobs.values():
            job.lose()
        self._on_lost()


def _environment() -> dict[str, str]:
    """Give the nursery what it needs and none of the gateway's secrets."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": str(_ROOT),
        "LC_ALL": "C.UTF-8",
        # One thread: it forks, and the sandbox forbids more.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
        # Of 16 MB at most: what one picture has used is there for the next.
        "PILLOW_BLOCKS_MAX": "1",
    }
