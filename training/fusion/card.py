"""The cards of the fusion's parameters, from their templates in `cards/`."""

from dataclasses import dataclass
from pathlib import Path
from string import Template

_CARDS = Path(__file__).parent / "cards"

LICENCE = (_CARDS / "default-licence.txt").read_text(encoding="utf-8")
PAPER_LICENCE = (_CARDS / "paper-licence.txt").read_text(encoding="utf-8")
PAPER_CARD = (_CARDS / "paper.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Leaning:
    """What leaning on a voice's baseline gave; tables as Markdown."""

    weights: str
    voices: str
    corpora: str
    films: str
    long_film: str


@dataclass(frozen=True, slots=True)
class Told:
    """What was measured; tables as Markdown, shares 0..1."""

    table: str
    confusion: str
    likeness: str
    weights: str
    threshold: float
    right_above: float
    share_above: float
    face_model: str
    baseline: Leaning
    transfer: str = "(not measured)"
    cuts: str = "(not measured)"
    held_out_cuts: str = "(not measured)"


def default_card(told: Told) -> str:
    """Write the card of the default profile."""
    return Template((_CARDS / "default.md").read_text(encoding="utf-8")).substitute(
        table=told.table,
        confusion=told.confusion,
        likeness=told.likeness,
        cuts=told.cuts,
        held_out_cuts=told.held_out_cuts,
        weights=told.weights,
        threshold=f"{told.threshold:.3f}",
        right_above=f"{100 * told.right_above:.0f}",
        share_above=f"{100 * told.share_above:.0f}",
        face_model=told.face_model,
        transfer=told.transfer,
        baseline_weights=told.baseline.weights,
        baseline_voices=told.baseline.voices,
        baseline_corpora=told.baseline.corpora,
        baseline_films=told.baseline.films,
        baseline_long_film=told.baseline.long_film,
    )
