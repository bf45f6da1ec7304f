"""One upload through the house: decode, fan out while decoding goes on, fuse. Events out, the analysis last.

Every way to look at an analysis (a plain answer, a job, a live stream) reads the same events.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from ulid import ULID

from gateway.assembly import (
    assemble_segments,
    event_frames,
    no_audio_notices,
    no_face_notices,
    no_speech_notices,
    reduce_detail,
)
from gateway.fan_out import ExpressionPace, FanOut
from gateway.media.decoder import DecodeOptions, DecoderPool, Decoding
from gateway.metrics import AnalysisMetrics
from gateway.options import AnalysisOptions
from gateway.readers import FaceReading, SpeechReading
from gateway.services import FaceService, FusionService, SpeechService
from shared.client import ServiceDownError
from shared.collection import without_collection
from shared.contracts.analyses import (
    Analysis,
    Detail,
    Done,
    FacesFound,
    Frame,
    Models,
    MomentsFused,
    PipelineEvent,
    Probed,
    Progress,
    SegmentsFound,
    Status,
    Timings,
)
from shared.contracts.fusion import FusionRequest, FusionResult
from shared.contracts.media import Media, MediaKind, Modality
from shared.contracts.problems import Problem
from shared.deadlines import Deadline, current_deadline


@dataclass(frozen=True)
class PipelineTools:
    """What the pipeline works with.

    Args:
        decoders: warm decoder processes.
        faces, speech, fusion: the inner services.
        metrics: where analyses are counted.
        frames_per_call: frames in one call to face_service.
        calls_in_flight: calls to one service at once.
        stretch_seconds: longest sound in one call to speech_service.
        max_faces_in_all: faces of all frames of an upload together.
    """

    decoders: DecoderPool
    faces: FaceService
    speech: SpeechService
    fusion: FusionService
    metrics: AnalysisMetrics
    frames_per_call: int = 8
    calls_in_flight: int = 2
    stretch_seconds: float = 30.0
    max_faces_in_all: int = 450_000


@dataclass
class _Run:
    """One analysis on its way."""

    options: AnalysisOptions
    faces: FaceReading
    speech: SpeechReading
    receive_ms: float
    decode_ms: float = 0.0
    fuse_ms: float = 0.0
    started: float = field(default_factory=time.perf_counter)
    readable: tuple[Modality, ...] = ()

    async def decode(self, decoding: Decoding, fan_out: FanOut) -> AsyncIterator[PipelineEvent]:
        """Read the decoder to its end, hand everything on, and tell what came back meanwhile."""
        items = aiter(decoding)
        ends = [end for end in (self.options.end, decoding.media.seconds) if end is not None]
        of_seconds = min(ends, default=None)
        reported = 0.0
        while True:
            began = time.perf_counter()
            item = await anext(items, None)
            self.decode_ms += _since(began)
            if item is None:
                break
            await fan_out.take(item)
            for event in self.fresh():
                yield event
            if fan_out.reached >= reported + 1.0:
                reported = fan_out.reached
                yield Progress(seconds=round(reported, 3), of_seconds=of_seconds, frames=fan_out.frames)
        await fan_out.finish()

    def fresh(self) -> list[PipelineEvent]:
        """Give what the services answered since the last time, as events."""
        events: list[PipelineEvent] = []
        if frames := self.faces.take_fresh():
            events.append(FacesFound(frames=event_frames(frames, self.faces.uncertain_below)))
        if segments := self.speech.take_fresh():
            events.append(SegmentsFound(segments=assemble_segments(segments, self.speech.uncertain_below)))
        return events

    def refuse_if_unread(self) -> None:
        """Raise when calls were made and none was answered."""
        tried = [reading for reading in (self.faces, self.speech) if reading.failed or reading.calls]
        if tried and not any(reading.answered for reading in tried):
            detail = " ".join(notice.message for reading in tried for notice in reading.notices())
            raise Problem("service-unavailable", detail, retry_after=5)

    async def fuse(self, decoding: Decoding, fusion: FusionService) -> FusionResult:
        """Call fusion_service with everything that was read."""
        began = time.perf_counter()
        unread = {
            modality
            for modality, reading in ((Modality.FACE, self.faces), (Modality.SPEECH, self.speech))
            if reading.failed and not reading.answered
        }
        start = self.options.start or 0.0
        request = FusionRequest(
            kind=decoding.media.kind,
            seconds=max(0.0, (decoding.seconds or 0.0) - start),
            start=start,
            segments=self.speech.in_order(),
            modalities=tuple(modality for modality in self.readable if modality not in unread),
            strategy=self.options.strategy,
            profile=self.options.profile,
            baseline=self.options.baseline,
            face_uncertain_below=self.faces.uncertain_below,
            speech_uncertain_below=self.speech.uncertain_below,
        )
        try:
            return await fusion.fuse(request, [batch.for_fusion for batch in self.faces.kept()])
        except ServiceDownError as error:
            raise Problem("service-unavailable", "fusion_service gave no answer.", retry_after=5) from error
        finally:
            self.fuse_ms = _since(began)

    def assemble(self, decoding: Decoding, fused: FusionResult) -> Analysis:
        """Join what the services said into the analysis; in a thread, for a long film has many faces."""
        with without_collection():
            return self._assemble(decoding, fused)

    def _assemble(self, decoding: Decoding, fused: FusionResult) -> Analysis:
        media = decoding.media
        notices = [*decoding.notices, *self.faces.notices(), *self.speech.notices()]
        notices += no_audio_notices(media, self.options.modalities)
        if Modality.FACE in self.readable and not self.faces.failed:
            notices += no_face_notices(media, fused)
        if Modality.SPEECH in self.readable and not self.speech.failed:
            notices += no_speech_notices(fused)
        return Analysis(
            id=f"an_{ULID()}",
            status=Status.PARTIAL if self.faces.failed or self.speech.failed else Status.COMPLETE,
            profile=self.options.profile,
            media=media,
            emotion=fused.emotion,
            face=fused.face,
            speech=fused.speech,
            people=fused.people,
            moments=fused.moments,
            frames=self.frames(fused) if self.options.detail is Detail.FRAMES else (),
            segments=assemble_segments(self.speech.in_order(), self.speech.uncertain_below),
            models=Models(face=self.faces.model, speech=self.speech.model, fusion=fused.model),
            timings_ms=self.timings(),
            notices=tuple(notices),
        )

    def frames(self, fused: FusionResult) -> tuple[Frame, ...]:
        """Join each face with the person that fusion_service took it for."""
        persons = iter(fused.persons_by_frame)
        return tuple(
            frame for batch in self.faces.kept() for frame in batch.shown(persons, self.faces.uncertain_below)
        )

    def timings(self) -> Timings:
        """Give the milliseconds spent so far, by stage."""
        return Timings(
            receive=round(self.receive_ms, 1),
            decode=round(self.decode_ms, 1),
            face=round(self.faces.milliseconds, 1),
            speech=round(self.speech.milliseconds, 1),
            fuse=round(self.fuse_ms, 1),
            total=round(self.receive_ms + _since(self.started), 1),
        )


async def analyse(
    upload: Path, options: AnalysisOptions, tools: PipelineTools, *, receive_ms: float = 0.0
) -> AsyncGenerator[PipelineEvent]:
    """Analyse one upload.

    Args:
        upload: the file; only read.
        options: what the client asks for.
        tools: decoders and services.
        receive_ms: how long the upload took, for the timings.

    Yields:
        `Probed` first, then `Progress`, `FacesFound` and `SegmentsFound` as they come, then `MomentsFused`,
        and `Done` with the analysis last.

    Raises:
        Problem: the media is refused or damaged; nothing that was asked for is in it; no service that is
            needed could be reached (`service-unavailable`); the deadline passed.
    """
    faces = FaceReading(tools.faces, options.profile, tools.calls_in_flight, most=tools.max_faces_in_all)
    speech = SpeechReading(tools.speech, options.profile, tools.calls_in_flight)
    run = _Run(options, faces, speech, receive_ms)
    deadline = current_deadline.get() or Deadline.after(86_400)
    try:
        async with tools.decoders.decode(upload, _decode_options(options), deadline=deadline.at) as decoding:
            try:
                media = await decoding.probe()
                run.readable = present_modalities(media, options.modalities)
                yield Probed(media=media)
                film = media.kind is MediaKind.FILM
                pace = ExpressionPace(options.fps if film else None)
                fan_out = FanOut(
                    faces,
                    speech,
                    film=film,
                    pace=pace,
                    frames_per_call=tools.frames_per_call,
                    stretch_seconds=tools.stretch_seconds,
                )
                async for event in run.decode(decoding, fan_out):
                    yield event
            finally:
                tools.metrics.decoded(decoding.cpu_ms)
        await faces.finish()
        await speech.finish()
        for event in run.fresh():
            yield event
        run.refuse_if_unread()
        fused = await run.fuse(decoding, tools.fusion)
        yield MomentsFused(moments=fused.moments)
        analysis = await asyncio.to_thread(run.assemble, decoding, fused)
        tools.metrics.finished(analysis)
        yield Done(analysis=reduce_detail(analysis, options.detail))
    finally:
        await faces.cancel()
        await speech.cancel()


async def analysis_of(events: AsyncGenerator[PipelineEvent]) -> Analysis:
    """Read all events and give the analysis of the last one.

    Raises:
        Problem: see `analyse`.
    """
    async with contextlib.aclosing(events) as stream:
        async for event in stream:
            if isinstance(event, Done):
                return event.analysis
    raise AssertionError("the pipeline ended without an analysis")


def _decode_options(options: AnalysisOptions) -> DecodeOptions:
    return DecodeOptions(
        fps=options.fps,
        start=options.start,
        end=options.end,
        faces=Modality.FACE in options.modalities,
        sound=Modality.SPEECH in options.modalities,
    )


def present_modalities(media: Media, modalities: tuple[Modality, ...]) -> tuple[Modality, ...]:
    """Give the modalities that were asked for and are in the media.

    Raises:
        Problem: `nothing-to-analyse`.
    """
    present = {Modality.FACE: media.video is not None, Modality.SPEECH: media.audio is not None}
    readable = tuple(modality for modality in modalities if present[modality])
    if not readable:
        asked = " and ".join(modalities)
        raise Problem(
            "nothing-to-analyse", f"This {media.kind} has nothing to read {asked} from.", field="modalities"
        )
    return readable


def _since(began: float) -> float:
    """Milliseconds since a reading of `time.perf_counter`."""
    return (time.perf_counter() - began) * 1000
