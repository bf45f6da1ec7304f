"""The cards of the fusion's parameters: templates in `cards/`, filled by what was learned from."""

import textwrap
from dataclasses import dataclass
from pathlib import Path
from string import Template

from training.corpora.terms import FILMS, RAVDESS_POINTS, Terms, consequences, packs_of

_CARDS = Path(__file__).parent / "cards"

PAPER_LICENCE = (_CARDS / "paper-licence.txt").read_text(encoding="utf-8")
PAPER_CARD = (_CARDS / "paper.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Learned:
    """What the parameters were learned from besides the films of Java-SED.

    Args:
        voices: corpora of voices, by their names in `corpora.terms.SPEECH`.
        people: how many people these voices are of.
        ravdess: whether the movement of RAVDESS's faces is among it.
    """

    voices: tuple[str, ...]
    people: int
    ravdess: bool

    @property
    def terms(self) -> list[Terms]:
        """Of everything."""
        return [FILMS, *([RAVDESS_POINTS] if self.ravdess else []), *packs_of(self.voices)]


@dataclass(frozen=True, slots=True)
class Leaning:
    """What leaning on a voice's baseline gave; tables as Markdown."""

    weights: str
    voices: str
    corpora: str
    films: str
    long_film: str


@dataclass(frozen=True, slots=True)
class Looks:
    """How people are told apart: a table as Markdown, and two sentences."""

    likeness: str
    cuts: str = "(not measured)"
    held_out_cuts: str = "(not measured)"


@dataclass(frozen=True, slots=True)
class Told:
    """What was measured; tables as Markdown, shares 0..1.

    `looks` is None where the face network gives no appearance, `transfer` "" where it was not measured;
    `tried` is what else the card tells, as Markdown.
    """

    table: str
    confusion: str
    weights: str
    threshold: float
    right_above: float
    share_above: float
    face_model: str
    learned: Learned
    baseline: Leaning
    looks: Looks | None = None
    transfer: str = ""
    tried: str = ""


def default_licence(learned: Learned) -> str:
    """Text for `LICENCE` of the default profile."""
    rows = [f"- {one.title}: {one.licence}" for one in learned.terms]
    ravdess = " `--without-ravdess` learns without its points." if learned.ravdess else ""
    beginning = (
        "The numbers in this folder were learned by training/fusion of this repository; no network of others "
        "is in them. They were learned from recordings under these terms:"
    )
    meaning = f"{consequences(learned.terms, what='these numbers')}{ravdess}"
    paragraphs = (beginning, *rows, meaning)
    return "\n".join(map(_wrapped, paragraphs)) + "\n"


def default_card(told: Told) -> str:
    """Write the card of the default profile."""
    learned = told.learned
    return Template((_CARDS / "default.md").read_text(encoding="utf-8")).substitute(
        table=told.table,
        confusion=told.confusion,
        data=_data(learned),
        movement=_movement(learned),
        ridge=" and the ridge regression" if learned.ravdess else "",
        meaning=_wrapped(
            "**What this means for the parameters:** " + consequences(learned.terms, what="these parameters")
        ),
        likeness=_looks(told.looks),
        weights=told.weights,
        threshold=f"{told.threshold:.3f}",
        right_above=f"{100 * told.right_above:.0f}",
        share_above=f"{100 * told.share_above:.0f}",
        face_model=told.face_model,
        transfer=_transfer(told.transfer),
        baseline_weights=told.baseline.weights,
        people=learned.people,
        corpora=len(learned.voices),
        baseline_voices=told.baseline.voices,
        baseline_corpora=told.baseline.corpora,
        baseline_films=told.baseline.films,
        baseline_long_film=told.baseline.long_film,
        tried=f"{told.tried.strip()}\n\n" if told.tried else "",
        whom="most of them Indonesian or North American adults" if learned.ravdess else "Indonesian adults",
        disgust="Disgust over time comes from RAVDESS alone."
        if learned.ravdess
        else "Disgust over time was not learned at all: the still pictures alone read it.",
    )


def _data(learned: Learned) -> str:
    rows = [(FILMS, "faces over time, both pools, linking people")]
    rows += [(RAVDESS_POINTS, "movement of faces (the layer only)")] if learned.ravdess else []
    rows += [(one, "what is usual for a voice") for one in packs_of(learned.voices)]
    return "\n".join(f"| {terms.title} | {use} | {terms.licence} |" for terms, use in rows)


def _movement(learned: Learned) -> str:
    ravdess = (
        "RAVDESS: how the 68 points of 1,200 films of 20 actors move, turned into movement of blendshapes by "
        "a ridge regression learned on Java-SED (movement only: held postures are not used; calm counts as "
        "neutral)."
        if learned.ravdess
        else "Movement of other faces was not learned from."
    )
    return _wrapped(
        "Java-SED: 144 films of 6 actors (6 emotions, no disgust), each sampled from three phases. "
        f"{ravdess} The quality curves were set by hand: studio films hold too few small, blurred and noisy "
        "inputs to learn them."
    )


def _looks(looks: Looks | None) -> str:
    if looks is None:
        return "The face network gives no appearance: people are linked by place alone."
    return f"""Likeness by which people are linked (Java-SED, one person a film):

{looks.likeness}

Films of them put together, each shot of 2.4 seconds out of another film (`training.fusion.cuts`); told apart rightly: {looks.cuts}. With the
cosines out of the other five actors' films: {looks.held_out_cuts}. All of them wear the same headgear in the same light, which makes
them alike."""  # noqa: E501


def _transfer(table: str) -> str:
    if not table:
        return ""
    return f"""**On other people, films and networks.** The weights learned on Java-SED, used as they are on RAVDESS; the layer over
time fitted without the actors that it is tested on, the voice scored by a network that never heard them, the still
scores by a third party's network (there are no pictures to run ours on). The machines say nothing here: they need to
know how a face is held, and RAVDESS's points tell only how it moves:

{table}

"""  # noqa: E501


def _wrapped(text: str) -> str:
    indent = "  " if text.startswith("- ") else ""
    return textwrap.fill(text, 110, subsequent_indent=indent, break_on_hyphens=False)
