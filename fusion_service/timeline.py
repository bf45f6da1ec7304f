"""The timeline: moments of equal length, and what each modality says in each of them."""

import math

import numpy as np

from fusion_service.columns import FaceColumns, FloatArray, IntArray, SegmentColumns
from fusion_service.parameters import FaceQualityCurve
from fusion_service.pooling import Readings, pool_groups
from fusion_service.quality import rising

# A last moment shorter than this share of the others is joined to the one before.
_LEAST_SHARE = 0.1
# A segment that only touches a moment says nothing about it, seconds.
_LEAST_OVERLAP = 0.05
_EMPTY_GRID: FloatArray = np.zeros(1)


def moment_edges(start: float, seconds: float, moment_seconds: float) -> FloatArray:
    """Cut a stretch into moments.

    Args:
        start: where it starts, seconds.
        seconds: its length; 0 gives no moments.
        moment_seconds: length of a moment; the last one may be shorter.

    Returns:
        [m + 1] edges in seconds, rising.
    """
    if seconds <= 0:
        return _EMPTY_GRID
    count = max(1, math.ceil(seconds / moment_seconds - _LEAST_SHARE))
    edges = start + moment_seconds * np.arange(count + 1, dtype=np.float64)
    edges[-1] = start + seconds
    return edges


def moments_of_frames(times: FloatArray, edges: FloatArray) -> IntArray:
    """Give the moment that each time [n] lies in; -1 outside. The end of the last moment belongs to it."""
    found = np.searchsorted(edges, times, side="right") - 1
    found[times == edges[-1]] = len(edges) - 2
    found[(times < edges[0]) | (times > edges[-1])] = -1
    return found


def face_moments(
    faces: FaceColumns, trust: FloatArray, frame_times: FloatArray, edges: FloatArray, curve: FaceQualityCurve
) -> Readings:
    """Read the faces in each moment: over all faces of all its frames, by trust and by prominence.

    Args:
        faces: faces that count.
        trust: [n] trust in each, 0..1.
        frame_times: [f] seconds of all frames, also of those without faces.
        edges: [m + 1] seconds.
        curve: how coverage counts.
    """
    m = len(edges) - 1
    moment = moments_of_frames(faces.t, edges)
    inside = np.flatnonzero(moment >= 0)
    if m == 0 or len(inside) == 0:
        return Readings.silent(m)
    groups, trusted = moment[inside], trust[inside]
    weights = trusted * faces.pixels[inside] ** curve.prominence_power
    scores = pool_groups(faces.scores[inside], weights, groups, m)
    frame_moment = moments_of_frames(frame_times, edges)
    frames = np.bincount(frame_moment[frame_moment >= 0], minlength=m)
    seen = np.unique(faces.frame[inside], return_index=True)[1]
    with_face = np.bincount(groups[seen], minlength=m)
    coverage = with_face / np.maximum(frames, 1)
    return Readings(
        scores, weighted_mean(trusted, weights, groups, m) * rising(coverage, curve.coverage_half)
    )


def speech_moments(segments: SegmentColumns, trust: FloatArray, edges: FloatArray) -> Readings:
    """Read the voice in each moment: over all segments that overlap it, by overlap and by trust.

    Args:
        segments: in order of time; parts outside the timeline count for nothing.
        trust: [n] trust in each, 0..1.
        edges: [m + 1] seconds.
    """
    m = len(edges) - 1
    if m == 0 or len(segments) == 0:
        return Readings.silent(m)
    first = np.clip(np.searchsorted(edges, segments.start, side="right") - 1, 0, m - 1)
    last = np.clip(np.searchsorted(edges, segments.end, side="left") - 1, 0, m - 1)
    spans = np.maximum(last - first + 1, 1)
    rows = np.repeat(np.arange(len(segments)), spans)
    groups = first[rows] + np.arange(len(rows)) - np.repeat(np.cumsum(spans) - spans, spans)
    overlap = np.minimum(segments.end[rows], edges[groups + 1]) - np.maximum(
        segments.start[rows], edges[groups]
    )
    # A whole segment shorter than the least overlap still counts.
    least = np.minimum(_LEAST_OVERLAP, (segments.end - segments.start)[rows] / 2)
    kept = overlap >= least
    rows, groups, overlap = rows[kept], groups[kept], overlap[kept]
    weights = overlap * trust[rows]
    return Readings(
        pool_groups(segments.scores[rows], weights, groups, m), weighted_mean(trust[rows], weights, groups, m)
    )


def weighted_mean(values: FloatArray, weights: FloatArray, groups: IntArray, m: int) -> FloatArray:
    """Take the weighted mean of values [n] in each of m groups; 0 where a group is empty."""
    total = np.bincount(groups, weights=weights, minlength=m)
    summed = np.bincount(groups, weights=weights * values, minlength=m)
    return np.divide(summed, total, out=np.zeros(m), where=total > 0)
