"""From a request to a result: people, moments, and the verdict over the whole upload."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fusion_service.baseline import Usual, lean_voice
from fusion_service.columns import (
    FaceColumns,
    FaceRows,
    FloatArray,
    IntArray,
    SegmentColumns,
    columns_of_rows,
    segment_columns,
)
from fusion_service.parameters import FusionModel
from fusion_service.people import link_people
from fusion_service.pooling import Readings
from fusion_service.quality import face_trust, speech_trust
from fusion_service.readings import PersonReading, face_over_all, overall_snr, read_people, speech_over_all
from fusion_service.strategies import Fused, fuse
from fusion_service.timeline import face_moments, moment_edges, speech_moments
from fusion_service.tracks import TrackReader
from shared.contracts.emotions import Judgement, Scores
from shared.contracts.fusion import (
    Baseline,
    BaselineUse,
    FaceVerdict,
    FusionRequest,
    FusionResult,
    ModalityWeights,
    Moment,
    Person,
    Reading,
    SpeechVerdict,
    Verdict,
)
from shared.contracts.media import MediaKind, Modality

BoolArray = NDArray[np.bool_]

# A face or a voice that counts less than this beside the other cannot contradict it.
ASKED_FROM = 0.2


@dataclasses.dataclass(frozen=True, slots=True)
class _Thresholds:
    """Confidence below which each kind of judgement is called uncertain."""

    face: float
    speech: float
    fused: float

    def of(self, face_weight: float) -> float:
        """Give the threshold for a judgement in which the face counts this much, 0..1, the voice the rest."""
        if 0 < face_weight < 1:
            return self.fused
        return self.face if face_weight else self.speech


def judge(request: FusionRequest, model: FusionModel) -> FusionResult:
    """Link the faces into people, lay out the moments, and judge the whole upload; see `judge_rows`."""
    return judge_rows(request, [FaceRows.of(frame) for frame in request.frames], model)


def judge_rows(request: FusionRequest, frames: Sequence[FaceRows], model: FusionModel) -> FusionResult:
    """Judge an upload whose faces are rows already.

    Args:
        request: what was heard, and what is wanted; its own frames are not looked at.
        frames: what was seen, in order of time.
        model: the parameters of the profile asked for.

    Raises:
        Problem: `bad-parameter` when vectors of different lengths are mixed or a segment ends before it
            starts.
    """
    parameters = model.parameters
    strategy = request.strategy or parameters.strategy
    thresholds = _Thresholds(
        request.face_uncertain_below, request.speech_uncertain_below, model.manifest.uncertain_below
    )
    faces = columns_of_rows(frames if Modality.FACE in request.modalities else ())
    seen = frames[request.reminders :]
    segments = segment_columns(request.segments if Modality.SPEECH in request.modalities else ())
    rule = parameters.voice_baseline if request.baseline is Baseline.AUTO else None
    scores, usual = lean_voice(segments, segment_columns(request.earlier_segments), rule)
    segments = dataclasses.replace(segments, scores=scores)
    people = link_people(faces, parameters.linking, reminders=request.reminders)
    if parameters.track is not None:
        faces = dataclasses.replace(faces, scores=TrackReader(parameters.track).read(faces, people))
    trust = face_trust(faces, parameters.face_quality)
    read = np.where(faces.frame < request.reminders, 0, people)
    counted = select_faces(faces, np.flatnonzero(read))
    readings = read_people(faces, read, trust, parameters)
    trust = trust[read > 0]
    heard = speech_trust(segments, parameters.speech_quality)

    coverage = len(np.unique(counted.frame)) / max(1, len(seen))
    face = face_over_all(readings, trust, coverage, parameters)
    speech = speech_over_all(segments, heard, parameters)
    fused = fuse(face, speech, strategy, parameters)
    edges = _edges(request)
    frame_times = np.asarray([frame.t for frame in seen], dtype=np.float64)
    face_timeline = face_moments(counted, trust, frame_times, edges, parameters.face_quality)
    speech_timeline = speech_moments(segments, heard, edges)
    fused_timeline = fuse(face_timeline, speech_timeline, strategy, parameters)
    return FusionResult(
        emotion=_verdict(fused, contradicted(face, speech, fused), thresholds),
        face=_face_verdict(face, coverage, thresholds),
        speech=_speech_verdict(speech, segments, usual, thresholds),
        people=tuple(_person(reading, thresholds) for reading in readings),
        moments=_moments(edges, face_timeline, speech_timeline, fused_timeline, thresholds),
        persons_by_frame=_by_frame(frames, faces, people),
        model=model.manifest.name,
    )


def select_faces(faces: FaceColumns, rows: IntArray) -> FaceColumns:
    """Keep some rows of all columns."""
    return FaceColumns(
        **{field.name: getattr(faces, field.name)[rows] for field in dataclasses.fields(faces)}
    )


def _edges(request: FusionRequest) -> FloatArray:
    if request.kind is MediaKind.PICTURE:
        return moment_edges(request.start, 0.0, request.moment_seconds)
    return moment_edges(request.start, request.seconds, request.moment_seconds)


def contradicted(face: Readings, speech: Readings, fused: Fused) -> BoolArray:
    """Say in which moments [m] face and voice both count and name different emotions."""
    both = (fused.face_weight >= ASKED_FROM) & (fused.face_weight <= 1 - ASKED_FROM)
    return np.asarray(both & (face.scores.argmax(axis=1) != speech.scores.argmax(axis=1)), dtype=np.bool_)


def _verdict(fused: Fused, against: BoolArray, thresholds: _Thresholds) -> Verdict | None:
    if not np.isfinite(fused.scores[0, 0]):
        return None
    face_weight = round(float(fused.face_weight[0]), 4)
    threshold = thresholds.of(float(fused.face_weight[0]))
    judgement = _judged(fused.scores[0], threshold, contradicted=bool(against[0]))
    return Verdict(
        **dict(judgement), weights=ModalityWeights(face=face_weight, speech=round(1.0 - face_weight, 4))
    )


def _face_verdict(face: Readings, coverage: float, thresholds: _Thresholds) -> FaceVerdict | None:
    if not face.present[0]:
        return None
    return FaceVerdict(**dict(_judged(face.scores[0], thresholds.face)), coverage=round(coverage, 4))


def _speech_verdict(
    speech: Readings, segments: SegmentColumns, usual: Usual | None, thresholds: _Thresholds
) -> SpeechVerdict | None:
    if not speech.present[0]:
        return None
    return SpeechVerdict(
        **dict(_judged(speech.scores[0], thresholds.speech)),
        seconds=round(float((segments.end - segments.start).sum()), 3),
        snr_db=round(overall_snr(segments), 2),
        baseline=_use(usual, float(segments.start[0])),
    )


def _person(reading: PersonReading, thresholds: _Thresholds) -> Person:
    return Person(
        **dict(_judged(reading.scores, thresholds.face)),
        id=reading.id,
        first_seen=round(reading.first_seen, 4),
        last_seen=round(reading.last_seen, 4),
        frames=reading.frames,
    )


def _use(usual: Usual | None, start: float) -> BaselineUse | None:
    if usual is None:
        return None
    return BaselineUse(
        start=round(start, 4), readings=round(usual.readings, 2), strength=round(usual.strength, 3)
    )


def _moments(
    edges: FloatArray, face: Readings, speech: Readings, fused: Fused, thresholds: _Thresholds
) -> tuple[Moment, ...]:
    """Give the moments in which something was seen or heard; the others are left out."""
    face_there, speech_there = face.present, speech.present
    against = contradicted(face, speech, fused)
    below = [thresholds.of(weight) for weight in fused.face_weight.tolist()]
    return tuple(
        Moment(
            **dict(_judged(fused.scores[m], below[m], contradicted=bool(against[m]))),
            start=round(float(edges[m]), 4),
            end=round(float(edges[m + 1]), 4),
            face=_reading(face.scores[m]) if face_there[m] else None,
            speech=_reading(speech.scores[m]) if speech_there[m] else None,
        )
        for m in np.flatnonzero(np.isfinite(fused.scores[:, 0]))
    )


def _reading(probabilities: FloatArray) -> Reading:
    scores = Scores.of(probabilities)
    return Reading(label=scores.label, scores=scores)


def _judged(probabilities: FloatArray, uncertain_below: float, *, contradicted: bool = False) -> Judgement:
    return Judgement.of(Scores.of(probabilities), uncertain_below=uncertain_below, contradicted=contradicted)


def _by_frame(
    frames: Sequence[FaceRows], faces: FaceColumns, people: IntArray
) -> tuple[tuple[int | None, ...], ...]:
    """Give the ids back in the order in which the faces were sent."""
    sent: list[list[int | None]] = [[None] * len(frame.numbers) for frame in frames]
    for frame, place, person in zip(faces.frame.tolist(), faces.place.tolist(), people.tolist(), strict=True):
        sent[frame][place] = person or None
    return tuple(map(tuple, sent))
