"""Measure the fusion on Java-SED films, each actor held out in turn from everything that is fitted here.

    EMOTION_CORPORA=... python -m training.fusion.evaluate --work WORK --speech oof_javased.npz
        --temperature T [--without-ravdess]

Every film goes through fusion_service's own code, with the faces that face_service gave and the voice as a
network scored it that never heard the actor.
"""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusion_service.calibration import softmax
from fusion_service.parameters import FusionModel, FusionParameters, load_model
from fusion_service.settings import FusionSettings
from fusion_service.tracks import roots
from fusion_service.verdicts import ASKED_FROM, judge
from shared.contracts.emotions import EMOTIONS
from shared.contracts.fusion import FusionRequest, FusionResult, Strategy
from shared.contracts.media import MediaKind
from training.corpora.av import actors
from training.fusion.films import SeenFilm, mesh_points, read_films
from training.fusion.learn import learn, spoken
from training.fusion.movement import learn_movement, read_moved_faces
from training.fusion.pool import RIGHT, fit_threshold, log_loss
from training.fusion.record import EXPRESSION_FPS, Recording, as_asked_for, read_recordings
from training.fusion.track_head import Examples, moved_examples
from training.measures import by_person_if_known, calibration_error

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Material:
    """All that the fusion is learned from; without RAVDESS there are neither `movement` nor `clips`."""

    films: list[SeenFilm]
    recordings: dict[tuple[str, int], Recording]
    voice: dict[str, FloatArray]
    movement: Examples | None
    clips: list[str]


@dataclass(frozen=True, slots=True)
class Measured:
    """Scores [n, 7] of n `films` by each way of judging them, by parameters that never saw their actor.

    `parameters` are those, by the actor's name. `agreed` says in which films face and voice name the same
    emotion. `all_phases` holds the emotion [3n], the scores [3n, 7] of strategy `learned` and whether face
    and voice agreed for every phase from which the films were sampled: not more films, but a steadier
    threshold.
    """

    actor: NDArray[np.str_]
    emotion: IntArray
    scores: dict[str, FloatArray]
    face_weight: FloatArray
    parameters: dict[str, FusionParameters]
    films: list[SeenFilm]
    agreed: BoolArray
    all_phases: tuple[IntArray, FloatArray, BoolArray]


def read_voice(path: Path, temperature: float) -> dict[str, FloatArray]:
    """Read what a voice network that never heard the actor says of each Java-SED film.

    Args:
        path: npz with `name` (`actor-sentence-emotion_take`, take 01 is the film's sound), `label_name` and
            `logits` [n, 7].
        temperature: of the network.

    Returns:
        Calibrated scores [7] by the film's name.
    """
    with np.load(path) as pack:
        scores = softmax(pack["logits"].astype(np.float64) / temperature)
        return voices_by_film(pack["name"], pack["label_name"], scores)


def voices_by_film(
    names: NDArray[np.str_], labels: NDArray[np.str_], scores: FloatArray
) -> dict[str, FloatArray]:
    """Give the scores [n, 7] of Java-SED's sounds by the film that each belongs to; others are left out."""
    voice = {}
    for name, label, row in zip(names, labels, scores, strict=True):
        clip, take = str(name).split("_")
        if take == "01":
            actor, sentence, _ = clip.split("-")
            voice[f"{actor}_{label}_s{int(sentence)}"] = row
    return voice


def read_material(
    corpora: Path,
    work: Path,
    voice: dict[str, FloatArray],
    start: FusionParameters,
    *,
    with_ravdess: bool = True,
) -> Material:
    """Read films, voices and movement.

    Args:
        corpora: folder of the corpora.
        work: where `training.fusion.record` left its recordings.
        voice: see `read_voice`.
        start: rules for linking people.
        with_ravdess: whether to read the movement of its films too.
    """
    films = read_films(corpora, work / "recordings.jsonl", start)
    recordings = {
        (one.film, one.phase): as_asked_for(one) for one in read_recordings(work / "recordings.jsonl")
    }
    if not with_ravdess:
        return Material(films, recordings, voice, None, [])
    points = mesh_points(films, np.load(work / "points.npy"))
    known = [film.faces.expression[np.isfinite(film.faces.expression[:, 0])] for film in films]
    movement = learn_movement(points, [roots(rows) for rows in known])
    moved = read_moved_faces(corpora, movement, fps=EXPRESSION_FPS)
    return Material(films, recordings, voice, moved_examples(moved), moved.clip)


def judged(
    material: Material, film: SeenFilm, parameters: FusionParameters, strategy: Strategy, shell: FusionModel
) -> FusionResult:
    """Judge one film as the service does."""
    request = FusionRequest(
        kind=MediaKind.FILM,
        seconds=film.film.seconds,
        frames=material.recordings[film.film.name, film.phase].frames,
        segments=(spoken(film, material.voice[film.film.name]),),
        strategy=strategy,
    )
    return judge(request, shell.model_copy(update={"parameters": parameters}))


def measure(material: Material, start: FusionParameters, shell: FusionModel) -> Measured:
    """Hold out each actor in turn, fit on the others, judge the actor's films in every way."""
    films: list[SeenFilm] = []
    fitted: dict[str, FusionParameters] = {}
    weights = []
    scores: dict[str, list[FloatArray]] = {}
    phases: list[tuple[int, FloatArray, bool]] = []
    agreed = []

    def note(way: str, result: FusionResult) -> None:
        scores.setdefault(way, []).append(_scores(result))

    for left_out in actors([film.film for film in material.films]):
        others = [film for film in material.films if film.film.actor != left_out]
        parameters, _ = learn(others, material.voice, material.movement, start)
        fitted[left_out] = parameters
        still_only = parameters.model_copy(update={"track": None})
        print(left_out, summary(parameters), flush=True)
        for film in material.films:
            if film.film.actor != left_out:
                continue
            learned = judged(material, film, parameters, Strategy.LEARNED, shell)
            phases.append((film.emotion, _scores(learned), _agreed(learned)))
            if film.phase != 0:
                continue
            films.append(film)
            agreed.append(_agreed(learned))
            note("face, still pictures only", judged(material, film, still_only, Strategy.FACE, shell))
            for strategy in Strategy:
                result = judged(material, film, parameters, strategy, shell)
                note(f"strategy {strategy}", result)
                if strategy is Strategy.LEARNED and result.emotion is not None:
                    weights.append(result.emotion.weights.face)
    return Measured(
        np.asarray([film.film.actor for film in films]),
        np.asarray([film.emotion for film in films]),
        {way: np.stack(rows) for way, rows in scores.items()},
        np.asarray(weights),
        fitted,
        films,
        np.asarray(agreed),
        (
            np.asarray([played for played, _, _ in phases]),
            np.stack([row for _, row, _ in phases]),
            np.asarray([alike for _, _, alike in phases]),
        ),
    )


def _agreed(result: FusionResult) -> bool:
    """Whether face and voice name the same emotion, or only one of them counts, as the service has it."""
    weights = None if result.emotion is None else result.emotion.weights
    if weights is None or result.face is None or result.speech is None:
        return True
    return min(weights.face, weights.speech) < ASKED_FROM or result.face.label is result.speech.label


def _scores(result: FusionResult) -> FloatArray:
    if result.emotion is None:
        raise ValueError("a film without a face and a voice")
    return result.emotion.scores.array()


def summary(parameters: FusionParameters) -> str:
    """Say the fitted weights in one line."""
    track = parameters.track
    told = f"pool: face {parameters.pool.face[0]}, voice {parameters.pool.speech[0]}"
    if track is not None:
        told += f", still {track.still_weight}, layer over time {track.weight}"
        told += "" if track.votes is None else f", votes over time {track.votes.weight}"
    return told


def table(measured: Measured) -> str:
    """Lay out accuracy with its interval, log loss, calibration error, and each actor, as Markdown."""
    names = list(np.unique(measured.actor))
    lines = [
        "| way | right, % | 95 % interval | log loss | ECE | "
        + " | ".join(f"actor {name}" for name in names)
        + " |",
        "|---|---|---|---|---|" + "---|" * len(names),
    ]
    for way, scores in measured.scores.items():
        right = scores.argmax(axis=1) == measured.emotion
        share = by_person_if_known(right, measured.actor)
        each = " | ".join(f"{100 * right[measured.actor == name].mean():.0f}" for name in names)
        lines.append(
            f"| {way} | {100 * share.value:.1f} | {100 * share.low:.1f}-{100 * share.high:.1f} "
            f"| {log_loss(scores, measured.emotion):.3f} "
            f"| {calibration_error(scores, measured.emotion):.3f} | {each} |"
        )
    return "\n".join(lines)


def confusion(scores: FloatArray, emotion: IntArray) -> str:
    """Lay out a confusion matrix as Markdown: a row what was played, a column what was judged."""
    lines = ["| played | " + " | ".join(EMOTIONS) + " |", "|---|" + "---|" * 7]
    for played in np.unique(emotion):
        judged_as = np.bincount(scores[emotion == played].argmax(axis=1), minlength=7)
        lines.append(f"| {EMOTIONS[played]} | " + " | ".join(map(str, judged_as)) + " |")
    return "\n".join(lines)


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Arguments that evaluation and training share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--work", type=Path, required=True, help="where training.fusion.record wrote")
    parser.add_argument("--speech", type=Path, required=True, help="npz of held-out voices, see read_voice")
    parser.add_argument("--temperature", type=float, required=True, help="of the voice network")
    parser.add_argument("--corpora", type=Path, default=os.environ.get("EMOTION_CORPORA"))
    return parser


def add_without_ravdess(parser: argparse.ArgumentParser) -> None:
    """Add the option of learning without the movement of RAVDESS's faces."""
    parser.add_argument(
        "--without-ravdess", action="store_true", help="learn from the films of Java-SED alone"
    )


def main() -> None:
    """Print the tables."""
    parser = arguments(__doc__)
    add_without_ravdess(parser)
    given = parser.parse_args()
    shell = load_model(FusionSettings().fusion_models / "default" / "fusion")
    start = shell.parameters
    voice = read_voice(given.speech, given.temperature)
    material = read_material(given.corpora, given.work, voice, start, with_ravdess=not given.without_ravdess)
    measured = measure(material, start, shell)
    print(table(measured))
    learned = measured.scores["strategy learned"]
    print(confusion(learned, measured.emotion))
    emotion, scores, agreed = measured.all_phases
    threshold, right, share = fit_threshold(scores, emotion, agreed, right=RIGHT)
    print(
        f"uncertain below {threshold:.3f} and where face and voice differ: of the others, "
        f"{100 * share:.0f} % of films, {100 * right:.1f} % are right"
    )


if __name__ == "__main__":
    main()
