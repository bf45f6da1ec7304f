"""One decoding as the gateway sees it: what the media are, then frames and sound, then how it ended."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Never, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from gateway.media.control import Ended
from gateway.media.limits import MediaLimits
from gateway.media.options import DecodeOptions
from gateway.media.pipe import PipeReader
from gateway.media.process import Job, NurseryLostError, NurseryProcess
from gateway.media.records import HEADER, Ending, Header, ProblemRecord, RecordKind, parse_header
from gateway.media.refusals import damaged, out_of_cpu_time
from shared.contracts.analyses import Notice
from shared.contracts.media import Media
from shared.contracts.problems import CATALOGUE, Problem

_ANSWER_SECONDS = 5.0
_BURIAL_SECONDS = 2.0
_LOOK_SECONDS = 2.0
_LOOKS_BEFORE_END = 2

Document = TypeVar("Document", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """A picture, or a film's frame.

    Args:
        t: presentation time, seconds; 0 for a picture.
        picture: [h,w,3] uint8 RGB, upright, square pixels.
    """

    t: float
    picture: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class DecodedSound:
    """A stretch of sound, a second long but for the last one; without gaps from the first.

    Args:
        t: presentation time of the first sample, seconds.
        samples: [n] float32 in -1..1, mono, 16 kHz.
    """

    t: float
    samples: NDArray[np.float32]


class Decoding:
    """Gives what one decoding process sends; made by `DecoderPool.decode`.

    Iterate over it once. The process waits while nobody iterates.
    """

    def __init__(
        self,
        *,
        nursery: NurseryProcess,
        identity: int,
        job: Job,
        pipe: PipeReader,
        limits: MediaLimits,
        options: DecodeOptions,
        deadline: float,
    ) -> None:
        self.nursery = nursery
        self.notices: tuple[Notice, ...] = ()
        """What a reader of the analysis should know; complete at the end."""
        self.seconds: float | None = None
        """Presentation time at which the media ended; None for a picture and before the end."""
        self.cpu_ms = 0.0
        """CPU time of the process, milliseconds; known at the end."""
        self.peak_bytes = 0
        """Most memory the process held at once, bytes; known at the end."""
        self.end = "abandoned"
        """`finished`, `refused`, `deadline`, `cpu-limit`, `stopped`, `crashed`, or, so far, `abandoned`."""
        self._identity = identity
        self._job = job
        self._pipe = pipe
        self._limits = limits
        self._max_side = max(options.frame_side, options.picture_side)
        self._media: Media | None = None
        self._expired = False
        self._done = False
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, deadline - time.monotonic()), self._expire)
        self._halted = 0
        self._watch = loop.call_later(_LOOK_SECONDS, self._look)

    @property
    def media(self) -> Media:
        """What the media are; known after `probe`, complete at the end.

        Raises:
            RuntimeError: before `probe`.
        """
        if self._media is None:
            message = "the media are not known before probe() has returned"
            raise RuntimeError(message)
        return self._media

    async def probe(self) -> Media:
        """Wait until it is known what the media are.

        Raises:
            Problem: `empty-upload`, `unsupported-media`, `damaged-media`, `media-over-limit`,
                `bad-parameter`, `deadline-exceeded` or `service-unavailable`.
        """
        if self._media is not None:
            return self._media
        await self._await_start()
        header = await self._header()
        if header.kind is not RecordKind.PROBED:
            await self._end_early(header)
        self._media = await self._document(header, Media)
        return self._media

    async def __aiter__(self) -> AsyncIterator[DecodedFrame | DecodedSound]:
        """Give frames and sound, each in the order of time.

        Raises:
            Problem: as `probe`, for what shows only while decoding.
        """
        await self.probe()
        while not self._done:
            header = await self._header()
            if header.kind is RecordKind.FRAME:
                picture = np.empty((header.height, header.width, 3), np.uint8)
                await self._fill(picture.reshape(-1).data)
                yield DecodedFrame(header.t, picture)
            elif header.kind is RecordKind.SOUND:
                samples = np.empty(header.length // 4, np.float32)
                await self._fill(samples.data.cast("B"))
                yield DecodedSound(header.t, samples)
            elif header.kind is RecordKind.ENDED:
                self._complete(await self._document(header, Ending))
            else:
                await self._end_early(header)

    def abandon(self) -> None:
        """End the process now, if it has not ended."""
        self._stop_timers()
        self._pipe.close()
        if not self._job.ended.done():
            self.nursery.kill(self._identity)

    async def buried(self) -> bool:
        """Wait until the process is gone; False if that cannot be found out in time."""
        return await self._ended() is not None or self.nursery.lost

    def _expire(self) -> None:
        self._expired = True
        self.nursery.kill(self._identity)
        self._pipe.stop()

    def _look(self) -> None:
        """End a process that somebody has stopped (SIGSTOP): it would sit there until the deadline."""
        started = self._job.started
        is_running = started.done() and started.exception() is None
        self._halted = self._halted + 1 if is_running and _is_stopped(started.result().pid) else 0
        if self._halted >= _LOOKS_BEFORE_END:
            self.nursery.kill(self._identity)
            self._pipe.stop()
        else:
            self._watch = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def _stop_timers(self) -> None:
        self._timer.cancel()
        self._watch.cancel()

    async def _await_start(self) -> None:
        waited = (self._job.started, self._job.ended)
        done, _ = await asyncio.wait(waited, timeout=_ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if self._expired:
            await self._fail()
        if not done or any(future.exception() is not None for future in done):
            raise _stopped()

    async def _header(self) -> Header:
        raw = bytearray(HEADER.size)
        await self._fill(memoryview(raw))
        header = parse_header(raw, max_side=self._max_side)
        if header is None:
            raise damaged("The file is damaged: decoding it failed.")
        return header

    async def _fill(self, buffer: memoryview) -> None:
        if not await self._pipe.fill(buffer):
            await self._fail()

    async def _document(self, header: Header, kind: type[Document]) -> Document:
        raw = bytearray(header.length)
        await self._fill(memoryview(raw))
        try:
            return kind.model_validate_json(bytes(raw))
        except ValidationError as error:
            raise damaged("The file is damaged: decoding it failed.") from error

    def _complete(self, ending: Ending) -> None:
        self._media, self.seconds, self.notices = ending.media, ending.seconds, ending.notices
        self.cpu_ms, self.peak_bytes = ending.cpu_ms, ending.peak_bytes
        self.end = "finished"
        # The process is still taking itself down; nobody has to wait for that here.
        self._done = True
        self._stop_timers()

    async def _end_early(self, header: Header) -> Never:
        if header.kind is not RecordKind.PROBLEM:
            raise damaged("The file is damaged: decoding it failed.")
        record = await self._document(header, ProblemRecord)
        self.end = "refused"
        self._stop_timers()
        if record.name not in CATALOGUE:
            raise damaged("The file is damaged: decoding it failed.")
        raise Problem(
            record.name, record.detail, remedy=record.remedy, field=record.field, extra=record.extra
        )

    async def _fail(self) -> Never:
        """Say why nothing more came."""
        if self._expired:
            self.end = "deadline"
            raise Problem("deadline-exceeded", "Decoding the media took longer than the time given.")
        ended = await self._ended()
        self.end = "stopped"
        if self._halted or ended is None or ended.exit_status is None:
            raise _stopped()
        if ended.exit_status == -signal.SIGXCPU:
            self.end = "cpu-limit"
            raise out_of_cpu_time(self._limits.cpu_seconds)
        if ended.exit_status in {-signal.SIGKILL, -signal.SIGTERM}:
            # No file can do that to its decoder: somebody stopped it, or the machine had no memory left.
            raise _stopped()
        self.end = "crashed"
        raise damaged("The file is damaged: decoding it failed.")

    async def _ended(self) -> Ended | None:
        """Wait for the process's end; None if the nursery is lost or says nothing."""
        try:
            async with asyncio.timeout(_BURIAL_SECONDS):
                ended = await asyncio.shield(self._job.ended)
        except (NurseryLostError, TimeoutError):
            return None
        if ended.usage is not None:
            self.cpu_ms, self.peak_bytes = ended.usage.cpu_ms, ended.usage.peak_bytes
        return ended


def _is_stopped(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[:1] == ["T"]


def _stopped() -> Problem:
    return Problem("service-unavailable", "The decoder was stopped while it was at work.", retry_after=1)
