"""The last seconds of a stream, fused: the one place where a window meets fusion_service.

Segments that have left the window are kept a while: what they said is what was usual for the voice.
"""

import asyncio
from collections import deque
from dataclasses import dataclass

from gateway.kept_faces import KeptFaces
from gateway.live.people import People, Persons, Reminder
from gateway.services import FusionService
from shared.contracts.fusion import BaselineUse, FrameFaces, FusionRequest, FusionResult, Moment, Person
from shared.contracts.live import LiveOpen
from shared.contracts.media import MediaKind, Modality
from shared.contracts.speech import SpeechSegment

# A face is read over time from so many seconds (`window_seconds` on the fusion network's card).
_LOOKS_BACK_SECONDS = 8.0
# What is usual for a voice hardly changes after so many segments: some minutes of speech.
_EARLIER_SEGMENTS = 60


@dataclass(slots=True)
class _Seen:
    """A frame of the window: its faces, the same as JSON, and who they are so far."""

    frame: FrameFaces
    for_fusion: bytes
    persons: Persons


@dataclass(frozen=True, slots=True)
class FusedWindow:
    """What a window says.

    Args:
        start: seconds.
        end: seconds.
        moment: face and voice joined; None where nothing was seen or heard.
        people: who was seen.
        baseline: from when on the voice leans on what was usual for it; None where it does not.
    """

    start: float
    end: float
    moment: Moment | None
    people: tuple[Person, ...]
    baseline: BaselineUse | None


class Window:
    """Holds the last seconds of faces and segments.

    Args:
        fusion: fusion_service.
        options: what the client wants.
    """

    def __init__(self, fusion: FusionService, options: LiveOpen) -> None:
        self._fusion = fusion
        self._options = options
        self._kept_seconds = max(_LOOKS_BACK_SECONDS, options.window_seconds)
        self._frames: deque[_Seen] = deque()
        self._segments: deque[SpeechSegment] = deque()
        self._earlier: deque[SpeechSegment] = deque(maxlen=_EARLIER_SEGMENTS)
        self._leans_since: float | None = None
        self._turn = asyncio.Lock()
        self.people = People()
        self.modalities: tuple[Modality, ...] = options.modalities
        """Those that were asked for and are there."""
        self.face_uncertain_below = self.speech_uncertain_below = 0.5

    def add_frame(self, frame: FrameFaces) -> None:
        """Add the newest frame."""
        self._frames.append(_Seen(frame, KeptFaces.of([frame]).for_fusion, (None,) * len(frame.faces)))

    def add_segments(self, segments: tuple[SpeechSegment, ...]) -> None:
        """Add segments, later than all before."""
        self._segments.extend(segments)

    async def fuse(self, now: float) -> FusedWindow:
        """Fuse what there is, up to `now` seconds.

        Raises:
            shared.client.ServiceDownError: fusion_service gave no answer.
        """
        async with self._turn:
            self._forget_before(now - self._kept_seconds)
            frames = list(self._frames)
            reminders = self.people.reminders(person for seen in frames for person in seen.persons)
            request = self._request(now, len(reminders))
            result = await self._fusion.fuse(
                request,
                [reminder.for_fusion for reminder in reminders] + [seen.for_fusion for seen in frames],
            )
            names = self._name(result, reminders, frames)
            return FusedWindow(
                start=request.start,
                end=now,
                moment=result.moments[-1] if result.moments else None,
                people=tuple(self._renamed(person, names) for person in result.people if person.id in names),
                baseline=self._leaning(result, now),
            )

    def persons_in(self, frame: FrameFaces) -> Persons:
        """Tell who the faces of the newest frame are, as far as that is known."""
        if self._frames and self._frames[-1].frame is frame:
            return self._frames[-1].persons
        # The sound is so far ahead that the frame has left the window already.
        return (None,) * len(frame.faces)

    def _forget_before(self, t: float) -> None:
        while self._frames and self._frames[0].frame.t < t:
            seen = self._frames.popleft()
            self.people.remember(seen.frame.t, seen.frame.faces, seen.persons)
        while self._segments and self._segments[0].end < t:
            self._earlier.append(self._segments.popleft())

    def _leaning(self, result: FusionResult, now: float) -> BaselineUse | None:
        use = result.speech.baseline if result.speech else None
        if use is None:
            return None
        if self._leans_since is None:
            self._leans_since = now
        return use.model_copy(update={"start": round(self._leans_since, 3)})

    def _request(self, now: float, reminders: int) -> FusionRequest:
        start = max(0.0, now - self._options.window_seconds)
        return FusionRequest(
            kind=MediaKind.FILM,
            start=start,
            seconds=now - start,
            # One moment, as long as the window.
            moment_seconds=self._options.window_seconds,
            reminders=reminders,
            segments=tuple(self._segments),
            earlier_segments=tuple(self._earlier),
            baseline=self._options.baseline,
            modalities=self.modalities,
            strategy=self._options.strategy,
            profile=self._options.profile,
            face_uncertain_below=self.face_uncertain_below,
            speech_uncertain_below=self.speech_uncertain_below,
        )

    def _name(self, result: FusionResult, reminders: list[Reminder], frames: list[_Seen]) -> dict[int, int]:
        """Write down who the faces of the window are."""
        names = self.people.name(
            result.persons_by_frame,
            [reminder.persons for reminder in reminders] + [seen.persons for seen in frames],
            [reminder.t for reminder in reminders] + [seen.frame.t for seen in frames],
            len(reminders),
        )
        for seen, linked in zip(frames, result.persons_by_frame[len(reminders) :], strict=True):
            seen.persons = tuple(None if local is None else names[local] for local in linked)
        return names

    def _renamed(self, person: Person, names: dict[int, int]) -> Person:
        own = names[person.id]
        return person.model_copy(update={"id": own, "first_seen": self.people.first_seen(own)})
