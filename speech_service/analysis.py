"""A sound in, its segments with scores out: joins activity and classification."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.contracts.emotions import Scores
from shared.contracts.speech import SpeechAnalysis, SpeechSegment
from shared.contracts.vectors import pack_vector
from shared.deadlines import current_deadline
from shared.inference import InferenceSession, calibrated
from speech_service.activity import SegmentRules, Span, find_spans, signal_to_noise, speech_probabilities
from speech_service.classification import Classifier, Reading
from speech_service.features import RATE

RULES = SegmentRules()


@dataclass(frozen=True, slots=True)
class _Kept:
    span: Span
    reading: Reading
    snr_db: float


def analyse(sound: NDArray[np.float32], activity: InferenceSession, classifier: Classifier) -> SpeechAnalysis:
    """Find the speech in a sound and read each segment of it.

    Args:
        sound: float32 of shape [samples], 16 kHz, finite.
        activity: the voice activity network.
        classifier: of the wanted profile.

    Raises:
        Problem: `deadline-exceeded`, between two segments.
    """
    started = time.perf_counter()
    # Cheap sound cards add a constant, which would pass for noise that is louder than the voice.
    sound = sound - sound.mean(dtype=np.float64).astype(np.float32)
    probabilities = speech_probabilities(activity, sound, rules=RULES)
    spans = find_spans(probabilities, len(sound), rules=RULES)
    levels = signal_to_noise(sound, probabilities, spans)
    kept = []
    for span, snr_db in zip(spans, levels, strict=True):
        if (deadline := current_deadline.get()) is not None:
            deadline.check()
        reading = classifier.read(sound[span.start : span.end])
        if reading.speech >= classifier.speech_from:
            kept.append(_Kept(span, reading, snr_db))
    return _answer(kept, len(sound), classifier, (time.perf_counter() - started) * 1000)


def _answer(kept: list[_Kept], samples: int, classifier: Classifier, compute_ms: float) -> SpeechAnalysis:
    manifest = classifier.manifest
    lengths = np.array([one.span.end - one.span.start for one in kept], dtype=np.float64)
    return SpeechAnalysis(
        segments=tuple(_segment(one, manifest.temperature) for one in kept),
        sound_seconds=round(samples / RATE, 3),
        speech_seconds=round(float(lengths.sum()) / RATE, 3),
        scores=pool_scores([one.reading.logits for one in kept], lengths, manifest.temperature)
        if kept
        else None,
        snr_db=round(float(np.average([one.snr_db for one in kept], weights=lengths)), 1) if kept else None,
        model=manifest.name,
        uncertain_below=manifest.uncertain_below,
        compute_ms=round(compute_ms, 1),
    )


def _segment(one: _Kept, temperature: float) -> SpeechSegment:
    return SpeechSegment(
        start=round(one.span.start / RATE, 3),
        end=round(one.span.end / RATE, 3),
        scores=Scores.of(calibrated(one.reading.logits, temperature)),
        snr_db=round(one.snr_db, 1),
        voice=None if one.reading.voice is None else pack_vector(one.reading.voice),
    )


def pool_scores(
    logits: list[NDArray[np.float32]], lengths: NDArray[np.float64], temperature: float
) -> Scores:
    """Join segments into one judgement: the mean of their calibrated log scores, weighted by their length.

    Args:
        logits: [7] for each segment, at least one.
        lengths: of the segments, in any unit.
        temperature: of the manifest.
    """
    log_scores = np.log(calibrated(np.stack(logits), temperature))
    return Scores.of(calibrated(np.average(log_scores, axis=0, weights=lengths), 1.0))
