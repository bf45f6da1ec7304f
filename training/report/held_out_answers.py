"""Answers of cross-validation: each person by a fit that never saw them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from fusion_service.parameters import load_model
from shared.contracts.fusion import Strategy
from shared.inference import calibrated, load_manifest
from training.corpora.speech import TEST_ONLY
from training.fusion.evaluate import measure, read_material, read_voice
from training.report.answers import Answers
from training.speech.evaluate import out_of_fold
from training.speech.table import read_table

FUSED = (
    "Written by `make report-full` (`python -m training.report --full`): every actor in turn was held out,\n"
    "layer and votes over time, their temperatures and both pools were fitted on the others, and the films\n"
    "went through fusion_service's own code, with the faces that face_service gave; the voice is scored by\n"
    "a fit that never heard the actor."
)
# Ways of judging in which face and voice both count.
BOTH = frozenset(f"strategy {name}" for name in ("learned", "mean", "weighted", "max"))
SPOKEN = (
    "Written by `make report-full` (`python -m training.report --full`): a fit for each of six folds of\n"
    "people; each clip is scored whole by the fit that never heard its speaker, at the temperature of the\n"
    "network that ships."
)


def fused_answers(
    model: Path, work: Path, voices: Path, networks: Mapping[str, Path], corpora: Path
) -> Iterator[Answers]:
    """Judge the Java-SED films in every way, each actor held out.

    Args:
        model: folder of the parameters that ship; their rules for linking people are kept.
        work: where `training.fusion.record` left its recordings.
        voices: npz of held-out voices, see `training.fusion.evaluate.read_voice`.
        networks: folders of the `face` and the `speech` network: alone they have thresholds of their own.
        corpora: folder of the corpora.
    """
    shell = load_model(model)
    start = shell.parameters
    manifests = {name: load_manifest(folder) for name, folder in networks.items()}
    voice = read_voice(voices, manifests["speech"].temperature)
    material = read_material(corpora, work, voice, start)
    measured = measure(material, start, shell)
    sex = np.asarray([film.film.sex for film in measured.films])
    folds = np.char.add("without ", measured.actor)
    for way, scores in sorted(measured.scores.items(), key=lambda item: item[0] != "strategy learned"):
        against = ~measured.agreed if way in BOTH else None
        alone = manifests["speech" if way == f"strategy {Strategy.SPEECH}" else "face"]
        yield Answers(
            f"Java-SED films, {way}",
            scores,
            measured.emotion,
            measured.actor,
            sex,
            folds,
            contradicted=against,
            uncertain_below=None if way in BOTH else alone.uncertain_below,
        )


def spoken_answers(fits: Path, temperature: float, corpora: Path) -> Iterator[Answers]:
    """Score every clip of every corpus by the fit that never heard its speaker.

    Args:
        fits: what `training.speech.train` or `training.speech.paper` left.
        temperature: of the network that ships.
        corpora: folder of the corpora.
    """
    table = read_table(corpora)
    logits = out_of_fold(fits, table)
    asked = (table.emotion >= 0) & ~np.isnan(logits[:, 0]) & ~np.isin(table.corpus, TEST_ONLY)
    for corpus in dict.fromkeys(table.corpus[asked].tolist()):
        rows = asked & (table.corpus == corpus)
        yield Answers(
            corpus,
            calibrated(logits[rows], temperature).astype(np.float64),
            table.emotion[rows],
            table.speaker[rows],
            table.sex[rows],
            table.fold[rows].astype(str),
        )
