"""How good an input is: trust in one face of one frame and in one segment of speech, 0..1."""

import numpy as np

from fusion_service.columns import FaceColumns, FloatArray, SegmentColumns
from fusion_service.parameters import FaceQualityCurve, SpeechQualityCurve

# Nothing that was detected counts for exactly nothing: a film of poor faces still gives a reading.
_LEAST = 1e-3


def face_trust(faces: FaceColumns, curve: FaceQualityCurve) -> FloatArray:
    """Trust in each face, [n] in 0..1: by its size, its sharpness, its turn and its detection score."""
    trust = faces.detection**curve.detection_power
    trust = trust * rising(faces.pixels, curve.pixels_half) * rising(faces.sharpness, curve.sharpness_half)
    if curve.yaw_half > 0:
        trust = trust / (1.0 + (faces.yaw / curve.yaw_half) ** 2)
    return np.maximum(trust, _LEAST)


def speech_trust(segments: SegmentColumns, curve: SpeechQualityCurve) -> FloatArray:
    """Trust in each segment, [n] in 0..1: by its length and by its signal-to-noise ratio."""
    trust = rising(segments.end - segments.start, curve.seconds_half)
    if curve.snr_width > 0:
        trust = trust / (1.0 + np.exp(-(segments.snr_db - curve.snr_half) / curve.snr_width))
    return np.maximum(trust, _LEAST)


def rising(values: FloatArray, half: float) -> FloatArray:
    """Rise from 0 at 0 through 1/2 at `half` towards 1; 1 everywhere when `half` is 0."""
    if half == 0:
        return np.ones_like(values)
    return values / (values + half)
