"""The fusion on people, films and networks that its weights were not fitted on: RAVDESS.

    EMOTION_CORPORA=... python -m training.fusion.transfer --work WORK --speech oof_javased.npz
        --ravdess-speech oof_ravdess.npz --temperature T

RAVDESS comes without pictures, so the still scores are a third party's (frame by frame) and the face over
time is its points moved into blendshapes; the voice is ours, out of its folds. The layer over time is fitted
without the actors that it is tested on; the weights come from Java-SED as they are. The votes over time say
nothing here: they need to know how a face is held, which the points do not tell.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusion_service.calibration import log_scores, softmax
from fusion_service.parameters import FusionParameters, TrackHead, load_model
from fusion_service.settings import FusionSettings
from training.corpora.av import read_ravdess_scores
from training.fusion.evaluate import Material, arguments, read_material, read_voice
from training.fusion.films import all_examples
from training.fusion.learn import face_quality_of, voice_readings
from training.fusion.track_head import fit_head
from training.measures import by_person_if_known, calibration_error

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
FOLDS = 5


def over_time(material: Material, head: TrackHead) -> tuple[FloatArray, IntArray, list[str]]:
    """Read the movement of every RAVDESS film by layers without its actor.

    Returns:
        Logarithms of scores [n, 7], what was played [n], the clips' names.
    """
    moved = material.movement
    if moved is None:
        raise ValueError("RAVDESS is needed here")
    films = all_examples(material.films)
    fold = np.asarray([int(person[-2:]) % FOLDS for person in moved.person])
    logits = np.zeros((len(moved.emotion), 7))
    for left_out in range(FOLDS):
        there = fold == left_out
        logits[there] = fit_head(films, moved.of(~there)).logits(moved.of(there))
    return log_scores(softmax(logits / head.temperature)), moved.emotion, material.clips


def studio_pool(material: Material, parameters: FusionParameters) -> tuple[float, float]:
    """Give the weights of face and voice at the quality of the Java-SED films; RAVDESS's is alike."""
    films = [film for film in material.films if film.phase == 0]
    face = face_quality_of(films, parameters).mean()
    speech = voice_readings(films, material.voice, parameters).quality.mean()
    return float(face * parameters.pool.face[0]), float(speech * parameters.pool.speech[0])


def row(way: str, scores: FloatArray, emotion: IntArray, actor: NDArray[np.str_]) -> str:
    """Lay out one way of judging as a row of Markdown; the interval draws actors anew."""
    share = by_person_if_known(scores.argmax(axis=1) == emotion, actor)
    return (
        f"| {way} | {100 * share.value:.1f} | {100 * share.low:.1f}-{100 * share.high:.1f} "
        f"| {calibration_error(scores, emotion):.3f} |"
    )


def transfer_table(
    material: Material, head: TrackHead, pool: tuple[float, float], given: argparse.Namespace
) -> str:
    """Measure voice, still pictures, movement and all together on RAVDESS.

    Args:
        material: films and movement.
        head: the layer's weights beside the still pictures.
        pool: weight of the face and of the voice, with the quality of studio films in them.
        given: where the corpora and the voices stand.
    """
    moved, emotion, clips = over_time(material, head)
    third = read_ravdess_scores(given.corpora)
    place = {clip[3:]: index for index, clip in enumerate(third.clip)}
    still = third.still[[place[clip[3:]] for clip in clips]]
    with np.load(given.ravdess_speech) as pack:
        heard = {Path(str(name)).stem[3:]: index for index, name in enumerate(pack["name"])}
        logits = pack["logits"].astype(np.float64)
    # Only actors whom no part of the speech network heard have a place in the file.
    rows = [index for index, clip in enumerate(clips) if clip[3:] in heard]
    clips, moved, emotion, still = [clips[i] for i in rows], moved[rows], emotion[rows], still[rows]
    voice = softmax(logits[[heard[clip[3:]] for clip in clips]] / given.temperature)
    actor = np.asarray([clip.rsplit("-", 1)[-1] for clip in clips])
    face = softmax(head.still_weight * log_scores(still) + head.weight * moved)
    fused = softmax(pool[0] * log_scores(face) + pool[1] * log_scores(voice))
    agreed = face.argmax(axis=1) == voice.argmax(axis=1)
    right = 100 * (fused.argmax(axis=1) == emotion)
    told = (
        f"Face and voice name the same emotion in {100 * agreed.mean():.0f} % of these films; "
        f"{right[agreed].mean():.0f} % of these are right, of the others {right[~agreed].mean():.0f} %."
    )
    actors = len(np.unique(actor))
    return "\n".join(
        [
            f"| RAVDESS, {actors} actors, {len(clips)} films, 7 emotions | right, % | 95 % interval | ECE |",
            "|---|---|---|---|",
            row("voice", voice, emotion, actor),
            row("still pictures (third party)", still, emotion, actor),
            row("movement", np.exp(moved), emotion, actor),
            row("face: both, weights from Java-SED", face, emotion, actor),
            row("face and voice, weights from Java-SED", fused, emotion, actor),
            "",
            told,
        ]
    )


def main() -> None:
    """Print the table for the parameters that ship."""
    parser = arguments(__doc__)
    parser.add_argument("--ravdess-speech", type=Path, required=True)
    given = parser.parse_args()
    parameters = load_model(FusionSettings().fusion_models / "default" / "fusion").parameters
    voice = read_voice(given.speech, given.temperature)
    material = read_material(given.corpora, given.work, voice, parameters)
    if parameters.track is None:
        raise SystemExit("these parameters have no layer over time")
    print(transfer_table(material, parameters.track, studio_pool(material, parameters), given))


if __name__ == "__main__":
    main()
