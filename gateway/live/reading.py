"""What is read from a stream: the newest frame and the newest sound, one call each at a time."""

import time
from collections.abc import Iterable

from gateway.assembly import assemble_segments, frame_face
from gateway.fan_out import ExpressionPace
from gateway.live.counts import Counts
from gateway.live.freshest import Freshest
from gateway.live.health import Health
from gateway.live.metrics import LiveMetrics
from gateway.live.outbox import Outbox
from gateway.live.window import FusedWindow, Window
from gateway.media.decoder import DecodedFrame, DecodedSound
from gateway.pipeline import PipelineTools
from gateway.readers import placed_segments
from gateway.stretches import RATE, Stretch, StretchCutter
from shared.contracts.analyses import Frame, Notice, SegmentsFound
from shared.contracts.fusion import FrameFaces
from shared.contracts.live import LiveFaces, LiveMoment, LiveNotice, LiveOpen
from shared.contracts.media import Modality

_STRETCH_SECONDS = 3.0
_STRETCHES_WAITING = 2
_MOMENT_EVERY_SECONDS = 1.0
_NOTICES_KEPT = 32


class LiveReading:
    """Takes what is decoded, and sends what faces and voice express.

    Args:
        options: what the client wants.
        tools: the inner services.
        outbox: where events go.
        counts: where frames and sound went.
        metrics: where latencies are counted.
    """

    def __init__(
        self,
        options: LiveOpen,
        tools: PipelineTools,
        outbox: Outbox,
        counts: Counts,
        metrics: LiveMetrics,
    ) -> None:
        self._profile = options.profile
        self._tools = tools
        self._outbox = outbox
        self._frames = counts.frames
        self._sound = counts.sound
        self._metrics = metrics
        self._newest_frame: Freshest[tuple[DecodedFrame, float]] = Freshest(1)
        self._stretches: Freshest[Stretch] = Freshest(_STRETCHES_WAITING)
        self._cutter = StretchCutter(_STRETCH_SECONDS)
        self._pace = ExpressionPace(options.fps)
        self._health = {Modality.FACE: Health("face"), Modality.SPEECH: Health("speech")}
        self._fusion_health = Health("fusion")
        self._last_moment = 0.0
        self.window = Window(tools.fusion, options)
        self.notices: list[Notice] = []
        self.seconds = 0.0
        """Time reached in the stream."""

    @property
    def unread_seconds(self) -> float:
        """For how long nothing of what was sent could be read."""
        services = self._health.values()
        failing = [service.failing_since for service in services if service.failing_since is not None]
        if not failing:
            return 0.0
        # What is asked for and not sent neither fails nor is answered.
        answered = [service.answered_last for service in services if service.answered_last is not None]
        return time.monotonic() - max([min(failing), *answered])

    def take_frame(self, frame: DecodedFrame, arrived: float) -> None:
        """Take a frame that arrived at a moment of `time.monotonic`; one that waits goes for it."""
        self.seconds = max(self.seconds, frame.t)
        self._frames.dropped += len(self._newest_frame.put((frame, arrived)))

    def take_sound(self, sound: DecodedSound) -> None:
        """Take the next second of sound."""
        seconds = len(sound.samples) / RATE
        self.seconds = max(self.seconds, sound.t + seconds)
        self._sound.received += seconds
        self._put(self._cutter.add(sound.t, sound.samples))

    def end(self) -> None:
        """Nothing more comes."""
        self._put(self._cutter.rest())
        self._newest_frame.close()
        self._stretches.close()

    def tell(self, notice: Notice | None) -> None:
        """Send a notice, if there is one."""
        if notice is not None:
            self.notices = [*self.notices, notice][-_NOTICES_KEPT:]
            self._outbox.put(LiveNotice(notice=notice))

    async def read_frames(self) -> None:
        """Read the newest frame, again and again, until the end.

        Raises:
            Problem: a service refuses, or nobody reads the events.
        """
        while (waiting := await self._newest_frame.get()) is not None:
            frame, arrived = waiting
            call = self._tools.faces.read_faces(
                [frame.picture], self._profile, expressions_of=[0] if self._pace.wants(frame.t) else []
            )
            batch, notice = await self._health[Modality.FACE].ask(call)
            self.tell(notice)
            if batch is None:
                self._frames.lost += 1
                continue
            self._frames.read += 1
            seen = FrameFaces(t=frame.t, faces=batch.pictures[0].faces)
            self.window.face_uncertain_below = batch.uncertain_below
            self.window.add_frame(seen)
            fused = await self._fuse()
            self._show(seen, batch.uncertain_below, arrived)
            self._tell_moment(fused)

    async def read_sound(self) -> None:
        """Read the stretches that wait, until the end; raises as `read_frames`."""
        while (stretch := await self._stretches.get()) is not None:
            call = self._tools.speech.read_speech(stretch.samples, self._profile)
            analysis, notice = await self._health[Modality.SPEECH].ask(call)
            self.tell(notice)
            seconds = len(stretch.samples) / RATE
            if analysis is None:
                self._sound.lost += seconds
                continue
            self._sound.read += seconds
            segments = placed_segments(analysis, stretch)
            self.window.speech_uncertain_below = analysis.uncertain_below
            self.window.add_segments(segments)
            if segments:
                self._outbox.put(
                    SegmentsFound(segments=assemble_segments(segments, analysis.uncertain_below))
                )

    async def tell_moment(self, *, last: bool = False) -> None:
        """Fuse and send a moment, where one is due: a stream without faces has no other occasion.

        Raises:
            Problem: as `read_frames`.
        """
        if self._moment_is_due() or last:
            self._tell_moment(await self._fuse(), last=last)

    async def _fuse(self) -> FusedWindow | None:
        fused, notice = await self._fusion_health.ask(self.window.fuse(self.seconds))
        self.tell(notice)
        return fused

    def _show(self, seen: FrameFaces, uncertain_below: float, arrived: float) -> None:
        faces = tuple(
            frame_face(face.box, face.detection, face.scores, person=person, uncertain_below=uncertain_below)
            for face, person in zip(seen.faces, self.window.persons_in(seen), strict=True)
        )
        took = time.monotonic() - arrived
        self._metrics.read_in(took)
        self._outbox.put(LiveFaces(frames=(Frame(t=seen.t, faces=faces),), took_ms=round(took * 1000, 1)))

    def _moment_is_due(self) -> bool:
        return self.seconds >= self._last_moment + _MOMENT_EVERY_SECONDS

    def _tell_moment(self, fused: FusedWindow | None, *, last: bool = False) -> None:
        if fused is None or not (self._moment_is_due() or last):
            return
        self._last_moment = fused.end
        self._outbox.put(
            LiveMoment(
                start=round(fused.start, 3),
                end=round(fused.end, 3),
                moment=fused.moment,
                people=fused.people,
                baseline=fused.baseline,
            )
        )

    def _put(self, stretches: Iterable[Stretch]) -> None:
        for stretch in stretches:
            for dropped in self._stretches.put(stretch):
                self._sound.dropped += len(dropped.samples) / RATE
