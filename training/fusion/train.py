"""Learn the fusion on all Java-SED films, measure it with each actor held out, and write what ships.

    EMOTION_CORPORA=... python -m training.fusion.train --work WORK --speech oof_javased.npz --temperature T
        --ravdess-speech oof_ravdess.npz [--voices oof_voices.npz]
        [--tried training/fusion/cards/tried.md]
    EMOTION_CORPORA=... python -m training.fusion.train --work WORK --speech oof_javased.npz --temperature T
        --without-ravdess --out MODELS

Writes both profiles under `fusion_service/models` (or `--out`): parameters, manifest, card. Run
`training.fusion.record` first, with the face network that ships. The card names what was learned from; what
was tried before with all corpora (`--tried`) belongs to the card of what ships only.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fusion_service.parameters import BaselineRule, FusionModel, FusionParameters
from fusion_service.settings import FusionSettings
from shared.contracts.manifests import Figure, Manifest
from training.fusion.baseline import learn_voice_rule
from training.fusion.baseline_figures import (
    corpus_table,
    film_readings,
    gain_table,
    voice_figures,
    voice_gains,
    voice_rules,
    whole_actor_table,
)
from training.fusion.card import (
    PAPER_CARD,
    PAPER_LICENCE,
    Leaning,
    Learned,
    Looks,
    Told,
    default_card,
    default_licence,
)
from training.fusion.cuts import held_out_cuts, measure_cuts, told_cuts
from training.fusion.evaluate import (
    Measured,
    add_without_ravdess,
    arguments,
    confusion,
    measure,
    read_material,
    read_voice,
    summary,
    table,
)
from training.fusion.learn import learn
from training.fusion.likeness import has_looks, likeness_table, linking_rules, measure_likeness
from training.fusion.pool import RIGHT, fit_threshold
from training.fusion.publish import publish
from training.fusion.start import PAPER, START
from training.fusion.transfer import studio_pool, transfer_table
from training.fusion.voices import Voices, read_voices
from training.measures import by_person_if_known

_SESSION = 20


def measure_leaning(voices: Voices, rule: BaselineRule, measured: Measured) -> tuple[Leaning, list[Figure]]:
    """Measure what leaning gives, by rules that never saw the corpus; `rule` is the one that ships."""
    rules = voice_rules(voices)
    found, films = voice_gains(voices, rules), film_readings(measured, voices, rules)
    long_film, figures = whole_actor_table(films)
    weights = ", ".join(
        f"{name.replace('_', ' ')} {getattr(rule, name)}"
        for name in ("scores_weight", "vector_weight", "scores_offset", "vector_offset", "frequent_weight")
    )
    leaning = Leaning(
        weights, gain_table(found), corpus_table(found, _SESSION), gain_table(films.gains()), long_film
    )
    return leaning, [*figures, *voice_figures(found, _SESSION)]


def figures(measured: Measured) -> list[Figure]:
    """Give accuracy by each way of judging as figures of the manifest, the way that ships first."""
    found = []
    for way, scores in sorted(measured.scores.items(), key=lambda item: item[0] != "strategy learned"):
        share = by_person_if_known(scores.argmax(axis=1) == measured.emotion, measured.actor)
        found.append(
            Figure(
                what=f"Java-SED films, 6 emotions, each of 6 actors held out, right in per cent: {way}",
                value=round(100 * share.value, 1),
                n=share.n,
                low=round(100 * share.low, 1),
                high=round(100 * share.high, 1),
            )
        )
    return found


def publish_paper(folder: Path) -> Manifest:
    """Write the paper's parameters."""
    return publish(
        folder,
        PAPER,
        name="fusion-paper-1",
        profile="paper",
        summary="Plain averaging of face and voice, as the paper has it.",
        source="set by hand after the paper",
        uncertain_below=0.5,
        figures=(),
        card=PAPER_CARD,
        licence=PAPER_LICENCE,
    )


def publish_default(
    folder: Path, parameters: FusionParameters, told: Told, measured: Sequence[Figure], *, source: str
) -> Manifest:
    """Write the learned parameters."""
    return publish(
        folder,
        parameters,
        name="fusion-default-1",
        profile="default",
        summary="Log-linear pool of still faces, faces over time and voice, weighed by quality.",
        source=source,
        uncertain_below=round(told.threshold, 3),
        figures=measured,
        card=default_card(told),
        licence=default_licence(told.learned),
    )


def main() -> None:
    """Measure, learn, write."""
    parser = arguments(__doc__)
    parser.add_argument("--out", type=Path, default=FusionSettings().fusion_models)
    parser.add_argument("--face-model", default="face-default-1", help="name for the card")
    parser.add_argument("--ravdess-speech", type=Path, help="npz of held-out RAVDESS voices")
    parser.add_argument(
        "--voices", type=Path, help="npz of held-out voices of all corpora; beside --speech, if not given"
    )
    add_without_ravdess(parser)
    parser.add_argument("--tried", type=Path, help="text for the card: what was tried and what it gave")
    given = parser.parse_args()
    manifest = publish_paper(given.out / "paper" / "fusion")
    voice = read_voice(given.speech, given.temperature)
    voices = read_voices(given.voices or given.speech.with_name("oof_voices.npz"), given.temperature)
    with_ravdess = not given.without_ravdess
    # People are linked by START first, to see how alike faces are; then by the rules that ship.
    material = read_material(given.corpora, given.work, voice, START, with_ravdess=with_ravdess)
    start, likeness = START, None
    if has_looks(material.films):
        likeness = measure_likeness(material.films)
        start = START.model_copy(update={"linking": linking_rules(likeness, START.linking)})
        material = read_material(given.corpora, given.work, voice, start, with_ravdess=with_ravdess)
    shell = FusionModel(manifest=manifest, parameters=start)
    measured = measure(material, start, shell)
    parameters, _ = learn(material.films, material.voice, material.movement, start)
    rule = learn_voice_rule(voices)
    parameters = parameters.model_copy(update={"voice_baseline": rule})
    leaning, leaning_figures = measure_leaning(voices, rule, measured)
    learned = measured.scores["strategy learned"]
    emotion, scores, agreed = measured.all_phases
    threshold, right, share = fit_threshold(scores, emotion, agreed, right=RIGHT)
    transfer = ""
    if given.ravdess_speech and material.movement is not None and parameters.track is not None:
        pool = studio_pool(material, parameters)
        transfer = transfer_table(material, parameters.track, pool, given)
    looks = None
    if likeness is not None:
        looks = Looks(
            likeness_table(likeness),
            told_cuts(measure_cuts(material.films, start.linking)),
            told_cuts(held_out_cuts(material.films, start.linking)),
        )
    told = Told(
        baseline=leaning,
        transfer=transfer,
        table=table(measured),
        confusion=confusion(learned, measured.emotion),
        learned=Learned(
            tuple(np.unique(voices.corpus).tolist()), len(np.unique(voices.person)), with_ravdess
        ),
        looks=looks,
        tried=given.tried.read_text(encoding="utf-8") if given.tried else "",
        weights=f"Fitted on all six actors: {summary(parameters)}.",
        threshold=threshold,
        right_above=right,
        share_above=share,
        face_model=given.face_model,
    )
    publish_default(
        given.out / "default" / "fusion",
        parameters,
        told,
        figures(measured) + leaning_figures,
        source=f"training.fusion on Java-SED films{' and RAVDESS movement' if with_ravdess else ''}",
    )
    print(told.table)
    print(told.confusion)
    print(f"uncertain below {threshold:.3f}: {right:.3f} right in {share:.3f}")


if __name__ == "__main__":
    main()
