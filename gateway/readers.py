"""The two readings of one analysis: calls to face_service and speech_service, bounded in flight.

A reading outlives a failed call: what was read stays, and the notices say what is missing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gateway.kept_faces import KeptFaces
from gateway.services import FaceService, SpeechService, too_many_faces
from gateway.stretches import Stretch
from shared.client import ServiceDownError
from shared.contracts.analyses import Notice
from shared.contracts.faces import FaceBatch
from shared.contracts.fusion import FrameFaces, Profile
from shared.contracts.speech import SpeechAnalysis, SpeechSegment

_AWAY_AFTER = 2
# A service that fell away is tried so often, and waited for so long in case that it is only started anew.
_TRY_EVERY_SECONDS = 1.0
_WAIT_SECONDS = 5.0
_LOOK_SECONDS = 0.05
_REASONS = {
    "unreachable": "cannot be reached",
    "late": "did not answer in time",
    "overloaded": "is overloaded",
    "breaker-open": "failed repeatedly just now",
    "failing": "failed",
}
# What a service reads, for people who look at a page.
_READ = {"face": "the faces", "speech": "the voice"}


@dataclass(frozen=True, slots=True)
class SampledFrame:
    """A frame on its way to face_service.

    Args:
        t: presentation time, seconds.
        picture: [h, w, 3] RGB.
        expression: whether the blendshapes of its faces are wanted.
    """

    t: float
    picture: NDArray[np.uint8]
    expression: bool


class _Reading:
    """Calls in flight to one service, and what went wrong.

    Args:
        name: `face` or `speech`, for notices.
        in_flight: calls at once.
    """

    def __init__(self, name: str, in_flight: int) -> None:
        self._name = name
        self._turns = asyncio.Semaphore(in_flight)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures_in_a_row = 0
        self._failed_last = 0.0
        self._wait_until = 0.0
        self._lost = 0
        self._reason = ""
        self._error: BaseException | None = None
        self.calls = 0
        self.milliseconds = 0.0
        self.model: str | None = None
        self.uncertain_below = 0.5

    @property
    def away(self) -> bool:
        """True from several failures in a row on until an answer: meanwhile one call at a time tries."""
        return self._failures_in_a_row >= _AWAY_AFTER

    @property
    def failed(self) -> bool:
        """True when anything is missing."""
        return self._lost > 0

    @property
    def answered(self) -> bool:
        """True when at least one call was answered."""
        return self.model is not None

    async def start(self, call: Callable[[], Awaitable[None]]) -> None:
        """Wait for a free place, then let the call run on its own; while the service is away it is lost."""
        if self.away and not await self._may_try():
            self._lost += 1
            return
        await self._turns.acquire()
        self.calls += 1
        task = asyncio.create_task(self._watch(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._error is not None:
            raise self._error

    async def finish(self) -> None:
        """Wait for all calls, for that to a service that is away not long.

        Raises what a call raised, except that the service is down.
        """
        while self._tasks:
            done, _ = await asyncio.wait(self._tasks, timeout=_WAIT_SECONDS if self.away else None)
            if not done:
                self._lost += len(self._tasks)
                await self.cancel()
        if self._error is not None:
            raise self._error

    async def cancel(self) -> None:
        """Stop all calls and wait until they have stopped."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def notices(self) -> list[Notice]:
        """Say what is missing, if anything."""
        if not self.failed:
            return []
        read, why = _READ[self._name], f"{self._name}_service {_REASONS[self._reason]}."
        if self.answered:
            return [
                Notice(
                    code=f"{self._name}-incomplete",
                    message=f"Not all of {read} could be read: {why}",
                )
            ]
        return [
            Notice(
                code=f"{self._name}-unavailable",
                message=f"Nothing of {read} could be read: {why}",
            )
        ]

    async def _may_try(self) -> bool:
        """Wait a while for a service that answered before; tell whether a call may be made now."""
        while (  # noqa: ASYNC110 - a call that ends, and time that passes
            self.away and not self._is_due() and time.monotonic() < self._wait_until
        ):
            await asyncio.sleep(_LOOK_SECONDS)
        return not self.away or self._is_due()

    def _is_due(self) -> bool:
        return not self._tasks and time.monotonic() >= self._failed_last + _TRY_EVERY_SECONDS

    def _failed(self, reason: str) -> None:
        self._failures_in_a_row += 1
        self._failed_last = time.monotonic()
        if self._failures_in_a_row == _AWAY_AFTER and self.answered:
            self._wait_until = self._failed_last + _WAIT_SECONDS
        self._lost += 1
        self._reason = reason

    async def _watch(self, call: Callable[[], Awaitable[None]]) -> None:
        started = time.perf_counter()
        try:
            await call()
            self._failures_in_a_row = 0
        except ServiceDownError as error:
            self._failed(error.reason)
        except Exception as error:  # noqa: BLE001 - raised again where the pipeline waits
            self._error = error
        finally:
            self.milliseconds += (time.perf_counter() - started) * 1000
            self._turns.release()


class FaceReading(_Reading):
    """Faces of the frames of one upload.

    Args:
        service: face_service.
        profile: which networks.
        in_flight: calls at once.
        most: faces that all frames may have together; with more the reading ends in `media-over-limit`.
    """

    def __init__(self, service: FaceService, profile: Profile, in_flight: int, *, most: int) -> None:
        super().__init__("face", in_flight)
        self._service = service
        self._profile = profile
        self._left = most
        self._kept: list[KeptFaces] = []
        self._most_left_out = 0
        self.fresh: list[FrameFaces] = []

    async def read(self, frames: Sequence[SampledFrame], *, film: bool) -> None:
        """Send frames of one size, of a film or a picture; their faces appear in `kept` and `fresh`."""
        await self.start(partial(self._read, frames, film=film))

    def take_fresh(self) -> tuple[FrameFaces, ...]:
        """Give the frames that were answered since the last time."""
        fresh, self.fresh = tuple(self.fresh), []
        return fresh

    async def _read(self, frames: Sequence[SampledFrame], *, film: bool) -> None:
        batch: FaceBatch = await self._service.read_faces(
            [frame.picture for frame in frames],
            self._profile,
            expressions_of=[index for index, frame in enumerate(frames) if frame.expression],
            film=film,
        )
        self.model, self.uncertain_below = batch.model, batch.uncertain_below
        self._most_left_out = max([self._most_left_out, *(picture.left_out for picture in batch.pictures)])
        found = [
            FrameFaces(t=frame.t, faces=picture.faces)
            for frame, picture in zip(frames, batch.pictures, strict=True)
        ]
        self._left -= sum(len(picture.faces) for picture in batch.pictures)
        if self._left < 0:
            raise too_many_faces()
        self._kept.append(KeptFaces.of(found))
        self.fresh.extend(found)

    def notices(self) -> list[Notice]:
        """Say what is missing, if anything."""
        if not self._most_left_out:
            return super().notices()
        message = (
            f"At most {self._service.max_faces} faces of a picture are read, the largest: "
            f"up to {self._most_left_out} more were found and left out."
        )
        return [*super().notices(), Notice(code="faces-left-out", message=message)]

    def kept(self) -> list[KeptFaces]:
        """Give all batches in order of time; the frames of one do not reach into the next."""
        return sorted(self._kept, key=lambda batch: batch.times[0])


class SpeechReading(_Reading):
    """Speech of the sound of one upload; arguments as for `FaceReading`."""

    def __init__(self, service: SpeechService, profile: Profile, in_flight: int) -> None:
        super().__init__("speech", in_flight)
        self._service = service
        self._profile = profile
        self.segments: list[SpeechSegment] = []
        self.fresh: list[SpeechSegment] = []

    async def read(self, stretch: Stretch) -> None:
        """Send a stretch; its segments appear in `segments` and `fresh`."""
        await self.start(partial(self._read, stretch))

    def take_fresh(self) -> tuple[SpeechSegment, ...]:
        """Give the segments that were answered since the last time."""
        fresh, self.fresh = tuple(self.fresh), []
        return fresh

    async def _read(self, stretch: Stretch) -> None:
        analysis: SpeechAnalysis = await self._service.read_speech(stretch.samples, self._profile)
        self.model, self.uncertain_below = analysis.model, analysis.uncertain_below
        found = placed_segments(analysis, stretch)
        self.segments.extend(found)
        self.fresh.extend(found)

    def in_order(self) -> tuple[SpeechSegment, ...]:
        """Give all segments in order of time."""
        return tuple(sorted(self.segments, key=lambda segment: segment.start))


def placed_segments(analysis: SpeechAnalysis, stretch: Stretch) -> tuple[SpeechSegment, ...]:
    """Give the segments of a stretch on the upload's clock."""
    return tuple(
        segment.model_copy(
            update={
                "start": round(segment.start + stretch.start, 3),
                "end": round(segment.end + stretch.start, 3),
            }
        )
        for segment in analysis.segments
    )
