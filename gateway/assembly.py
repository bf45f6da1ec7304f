"""From what the services said to what the client reads."""

from collections.abc import Iterable, Sequence

from shared.contracts.analyses import Analysis, Detail, Frame, FrameFace, Notice, Segment
from shared.contracts.emotions import Scores
from shared.contracts.faces import Box
from shared.contracts.fusion import FrameFaces, FusionResult
from shared.contracts.media import Media, MediaKind, Modality
from shared.contracts.speech import SpeechSegment


def event_frames(frames: Iterable[FrameFaces], uncertain_below: float) -> tuple[Frame, ...]:
    """Give frames whose faces are not linked into people yet."""
    return tuple(
        Frame(
            t=frame.t,
            faces=tuple(
                frame_face(
                    face.box, face.detection, face.scores, person=None, uncertain_below=uncertain_below
                )
                for face in frame.faces
            ),
        )
        for frame in frames
    )


def frame_face(
    box: Box, detection: float, scores: Scores, *, person: int | None, uncertain_below: float
) -> FrameFace:
    """Give a face as the client reads it; `person` is None before faces are linked into people."""
    confidence = scores.confidence
    return FrameFace(
        person=person,
        box=box,
        detection=detection,
        label=scores.label,
        confidence=confidence,
        uncertain=confidence < uncertain_below,
        scores=scores,
    )


def assemble_segments(segments: Iterable[SpeechSegment], uncertain_below: float) -> tuple[Segment, ...]:
    """Give segments as the client reads them."""
    return tuple(
        Segment(
            start=segment.start,
            end=segment.end,
            label=segment.scores.label,
            confidence=segment.scores.confidence,
            uncertain=segment.scores.confidence < uncertain_below,
            scores=segment.scores,
        )
        for segment in segments
    )


def no_audio_notices(media: Media, asked: Sequence[Modality]) -> list[Notice]:
    """Say that a film is silent, where its voice was asked for."""
    if Modality.SPEECH in asked and media.kind is MediaKind.FILM and media.audio is None:
        return [Notice(code="no-audio", message="The film has no sound track, so no voice was read.")]
    return []


def no_face_notices(media: Media, fused: FusionResult) -> list[Notice]:
    """Say that no face was found, where `face` is null."""
    if fused.face is None:
        return [Notice(code="no-face", message=f"No face was found in the {media.kind}.")]
    return []


def no_speech_notices(fused: FusionResult) -> list[Notice]:
    """Say that no speech was found, where `speech` is null."""
    if fused.speech is None:
        return [Notice(code="no-speech", message="No speech was found in the sound.")]
    return []


def reduce_detail(analysis: Analysis, detail: Detail) -> Analysis:
    """Leave out what was not asked for."""
    if detail is Detail.FRAMES:
        return analysis
    if detail is Detail.TIMELINE:
        return analysis.model_copy(update={"frames": None})
    return analysis.model_copy(update={"frames": None, "moments": None, "segments": None})
