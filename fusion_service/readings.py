"""What each modality says over the whole upload: each person's face, all faces together, and the voice."""

import itertools
from dataclasses import dataclass

import numpy as np

from fusion_service.calibration import sharpen
from fusion_service.columns import FaceColumns, FloatArray, IntArray, SegmentColumns
from fusion_service.parameters import FusionParameters
from fusion_service.pooling import Readings, pool_groups
from fusion_service.quality import rising
from fusion_service.timeline import weighted_mean


@dataclass(frozen=True, slots=True)
class PersonReading:
    """One person over the whole film: `scores` [7] and in how many frames, from when to when it was seen."""

    id: int
    first_seen: float
    last_seen: float
    frames: int
    scores: FloatArray
    weight: float


def read_people(
    faces: FaceColumns, people: IntArray, trust: FloatArray, parameters: FusionParameters
) -> list[PersonReading]:
    """Read the face of each person over time.

    Args:
        faces: all faces, in order of time, their scores joined with what they do over time.
        people: [n] id of the person of each face, from 1; 0 counts for nothing, and an id that no face has is
            left out.
        trust: [n] trust in each face, 0..1.
        parameters: for the sharpening.
    """
    weights = trust * faces.pixels**parameters.face_quality.prominence_power
    order = np.argsort(people, kind="stable")
    cuts = np.searchsorted(people[order], np.arange(1, people.max(initial=0) + 2))
    found = []
    for number, (begin, end) in enumerate(itertools.pairwise(cuts), start=1):
        if begin == end:
            continue
        rows = order[begin:end]
        still = trust[rows] @ faces.scores[rows] / trust[rows].sum()
        power = 1.0 + (parameters.face_sharpening - 1.0) * (1.0 - 1.0 / len(rows))
        scores = sharpen(still, power)
        found.append(
            PersonReading(
                id=number,
                first_seen=float(faces.t[rows[0]]),
                last_seen=float(faces.t[rows[-1]]),
                frames=len(np.unique(faces.frame[rows])),
                scores=scores,
                weight=float(weights[rows].sum()),
            )
        )
    return found


def face_over_all(
    people: list[PersonReading], trust: FloatArray, coverage: float, parameters: FusionParameters
) -> Readings:
    """Join the people into one reading, each by how long, how large and how well it was seen.

    Args:
        people: who was read.
        trust: trust in all their faces.
        coverage: share of the frames with a face, 0..1.
        parameters: how coverage counts.
    """
    if not people:
        return Readings.silent(1)
    weights = np.asarray([person.weight for person in people])
    scores = weights @ np.stack([person.scores for person in people]) / weights.sum()
    quality = trust.mean() * rising(np.asarray([coverage]), parameters.face_quality.coverage_half)
    return Readings(scores[None], quality)


def speech_over_all(segments: SegmentColumns, trust: FloatArray, parameters: FusionParameters) -> Readings:
    """Join the segments into one reading, each by its length and by its trust."""
    if len(segments) == 0:
        return Readings.silent(1)
    weights = (segments.end - segments.start) * trust
    groups = np.zeros(len(segments), dtype=np.int64)
    mean = pool_groups(segments.scores, weights, groups, 1)
    power = 1.0 + (parameters.speech_sharpening - 1.0) * (1.0 - 1.0 / len(segments))
    return Readings(sharpen(mean, power), weighted_mean(trust, weights, groups, 1))


def overall_snr(segments: SegmentColumns) -> float:
    """Signal to noise over all segments, decibels: the mean by length."""
    lengths = segments.end - segments.start
    return float(lengths @ segments.snr_db / lengths.sum())
