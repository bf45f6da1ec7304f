"""Everything that the fusion learns, from one set of films: used for every fold and for what ships."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion_service.calibration import log_scores, softmax
from fusion_service.columns import segment_columns
from fusion_service.parameters import FusionParameters, Seven, TrackHead
from fusion_service.pooling import Readings
from fusion_service.quality import face_trust, rising, speech_trust
from shared.contracts.emotions import Scores
from shared.contracts.speech import SpeechSegment
from training.fusion.films import SeenFilm, all_examples, film_examples
from training.fusion.pool import StillRows, fit_face, fit_pool, fit_temperature
from training.fusion.record import EXPRESSION_FPS
from training.fusion.track_head import LAYER_FURTHEST, Examples, OverTime, fit_over_time

FloatArray = NDArray[np.float64]

# Java-SED is studio sound; what speech_service measures on it is about this.
STUDIO_SNR_DB = 25.0
_DECIMALS = 5


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Readings of films by layers and votes that never saw their actor; `over_time` of each, logarithms."""

    over_time: tuple[FloatArray, ...]
    face: Readings
    speech: Readings
    emotion: NDArray[np.int64]


def spoken(film: SeenFilm, scores: FloatArray) -> SpeechSegment:
    """Give a film's voice as one segment over its whole length."""
    return SpeechSegment(start=0.0, end=film.film.seconds, scores=Scores.of(scores), snr_db=STUDIO_SNR_DB)


def learn(
    films: Sequence[SeenFilm],
    voice: Mapping[str, FloatArray],
    movement: Examples | None,
    start: FusionParameters,
) -> tuple[FusionParameters, HeldOut]:
    """Fit what reads a face over time, its weights beside the still pictures, and the pool.

    Args:
        films: all phases of films of several actors.
        voice: for each film's name, scores [7] of a voice network that never heard its actor.
        movement: further examples for the layer.
        start: quality curves and linking rules, which are not learned here.

    Returns:
        The parameters, fitted on all of these films; and the films' readings by layers without their actor,
        on which the weights were fitted.
    """
    examples = film_examples(films)
    once = [index for index, film in enumerate(films) if film.phase == 0]
    logits = np.zeros((2, len(films), 7))
    learned_from = all_examples(films)
    for actor in np.unique(examples.person):
        there = examples.person == actor
        without = fit_over_time(learned_from.of(learned_from.person != actor), movement)
        logits[:, there] = without.logits(examples.of(there))
    emotion = examples.emotion[once]
    temperatures = [fit_temperature(reader[once], emotion) for reader in logits]
    over_time = tuple(
        log_scores(softmax(reader[once] / temperature))
        for reader, temperature in zip(logits, temperatures, strict=True)
    )
    chosen = [films[index] for index in once]
    still = still_rows(chosen, start)
    still_weight, weights = fit_face(still, over_time, emotion)
    face = Readings(still.joined(over_time, still_weight, weights), face_quality_of(chosen, start))
    speech = voice_readings(chosen, voice, start)
    pool = fit_pool(face, speech, emotion, quality_power=start.pool.quality_power)
    right_face = (face.scores.argmax(axis=1) == emotion).mean()
    right_voice = (speech.scores.argmax(axis=1) == emotion).mean()
    parameters = start.model_copy(
        update={
            "pool": pool,
            "face_share": round(float(right_face / (right_face + right_voice)), 3),
            "track": as_parameters(
                fit_over_time(learned_from, movement),
                temperatures=temperatures,
                still_weight=still_weight,
                weights=weights,
            ),
        }
    )
    return parameters, HeldOut(over_time, face, speech, emotion)


def still_rows(films: Sequence[SeenFilm], parameters: FusionParameters) -> StillRows:
    """Lay out the still scores of the main face of every film."""
    scores, trust, film_of = [], [], []
    for index, film in enumerate(films):
        rows = film.main_rows
        scores.append(film.faces.scores[rows])
        trust.append(face_trust(film.faces, parameters.face_quality)[rows])
        film_of.append(np.full(len(rows), index))
    return StillRows(np.concatenate(scores), np.concatenate(trust), np.concatenate(film_of))


def face_quality_of(films: Sequence[SeenFilm], parameters: FusionParameters) -> FloatArray:
    """Give the quality of each film's faces, as the service would see it."""
    curve = parameters.face_quality
    trust = [face_trust(film.faces, curve)[film.people > 0].mean() for film in films]
    coverage = np.asarray([film.coverage for film in films])
    return np.asarray(trust) * rising(coverage, curve.coverage_half)


def voice_readings(
    films: Sequence[SeenFilm], voice: Mapping[str, FloatArray], parameters: FusionParameters
) -> Readings:
    """Give what the voice says of every film, with the quality that the service would see."""
    segments = [spoken(film, voice[film.film.name]) for film in films]
    quality = [speech_trust(segment_columns([segment]), parameters.speech_quality)[0] for segment in segments]
    return Readings(np.stack([segment.scores.array() for segment in segments]), np.asarray(quality))


def as_parameters(
    over_time: OverTime, *, temperatures: Sequence[float], still_weight: float, weights: Sequence[float]
) -> TrackHead:
    """Write layer and votes as fusion_service reads them; temperatures and weights in this order."""
    head = over_time.head
    votes = over_time.votes.model_copy(
        update={"temperature": round(temperatures[1], 4), "weight": round(weights[1], 4)}
    )

    def rounded(values: FloatArray) -> tuple[float, ...]:
        return tuple(float(value) for value in np.round(values, _DECIMALS))

    def seven(values: FloatArray) -> Seven:
        one, two, three, four, five, six, last = rounded(values)
        return one, two, three, four, five, six, last

    return TrackHead(
        dimensions=len(head.centre) // 9,
        step_seconds=0.9 / EXPRESSION_FPS,
        longest_step_seconds=0.9,
        window_seconds=8.0,
        min_seconds=1.0,
        min_frames=3,
        centre=rounded(head.centre),
        scale=rounded(head.scale),
        furthest=LAYER_FURTHEST,
        weights=tuple(rounded(row) for row in head.weights),
        bias=seven(head.bias),
        temperature=round(temperatures[0], 4),
        weight=round(weights[0], 4),
        still_weight=round(still_weight, 4),
        votes=votes,
    )
