"""What a person must know of the speech networks: the text of their cards, by what was learned from."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.contracts.emotions import EMOTIONS
from training.corpora.speech import TEST_ONLY
from training.corpora.terms import (
    FREE_SPEECH,
    SPEECH,
    UNFELT,
    Terms,
    consequences,
    is_for_research,
    named,
    packs_of,
    short,
)
from training.speech.evaluate import SAME_WORDS
from training.speech.familiarity import SEEN, SOFTENING
from training.speech.train import BASE, READERS, SPEAKER


@dataclass(frozen=True)
class Learned:
    """What a network learned from, as the files of its fits say; corpora by their names in `corpora.terms`.

    Attributes:
        corpora: with emotions.
        tested: with emotions, only tested on.
        unfelt: sounds without labels of emotions, for "is it speech?".
        unfelt_tested: such sounds, only tested on.
        free: whether directions were found in free speech too.
    """

    corpora: tuple[str, ...]
    tested: tuple[str, ...] = ()
    unfelt: tuple[str, ...] = ()
    unfelt_tested: tuple[str, ...] = ()
    free: bool = False

    @classmethod
    def of(
        cls, only: Sequence[str], *, unfelt: Sequence[str], unfelt_tested: Sequence[str] = (), free: bool
    ) -> "Learned":
        """From the names that a step was given with `--only`, and those of its other sounds."""
        names = list(dict.fromkeys(name.removesuffix("_more") for name in only))
        return cls(
            tuple(name for name in names if name not in TEST_ONLY),
            tuple(name for name in names if name in TEST_ONLY),
            tuple(unfelt),
            tuple(unfelt_tested),
            free,
        )

    @property
    def terms(self) -> list[Terms]:
        """Of everything that was learned from."""
        free = [FREE_SPEECH] if self.free else []
        return [*packs_of(self.corpora), *packs_of(self.unfelt, UNFELT), *free]


def speech_licence(learned: Learned) -> str:
    """Text for `LICENCE`: what the trained part was learned from, and what that means."""
    names = named(learned.terms)
    paragraphs = (
        f"The trained weights in this folder were learned from {names}; card.md has the licence of each.",
        consequences(learned.terms, what="these weights"),
    )
    return "\n\n".join(map(_wrapped, paragraphs)) + "\n"


def licence_line(learned: Learned) -> str:
    """The same in few words, for the manifest."""
    if is_for_research(learned.terms):
        return "research and non-commercial use, see card"
    return f"as {named(learned.terms)} ask, see card"


def _data(learned: Learned) -> str:
    rows = [_row(one) for one in packs_of(learned.corpora)]
    rows += [_row(one, 'only "is it speech?"') for one in packs_of(learned.unfelt, UNFELT)]
    rows += [_row(FREE_SPEECH, "only directions, no labels")] if learned.free else []
    rows += [_row(one, "test only") for one in packs_of(learned.tested)]
    rows += [_row(one, "test only") for one in packs_of(learned.unfelt_tested, UNFELT)]
    table = "\n".join(
        ("| corpus | language, kind | licence as its makers state it |", "|---|---|---|", *rows)
    )
    meaning = consequences(learned.terms, what="the trained part of this network")
    told = _wrapped(
        f"**What this means for the weights:** {meaning} `--only` and `--unfelt` (options of the steps of "
        "`training.speech`) train from a subset of your choice: see docs/training.md."
    )
    return f"""## Data

No head was tested on people that it learned from. Speakers and whole corpora that were kept back took no
part.

{table}

{told}
"""


def _row(terms: Terms, part: str = "") -> str:
    return f"| {terms.title}{f' ({part})' if part else ''} | {terms.kind} | {terms.licence} |"


def _care(learned: Learned) -> str:
    """What the figures do not say: only of what took part."""
    known = {*learned.corpora, *learned.tested}
    tested = named(packs_of(learned.tested))
    told = []
    if few := [one for one in packs_of(learned.corpora) if len(one.lacks) > 2]:
        labels = ", ".join(f"{short(one)} {len(EMOTIONS) - len(one.lacks)}" for one in few)
        told.append(f"**Few labels.** Of the seven emotions some corpora hold few: {labels}.")
    if "cremad" in known:
        told.append(
            'CREMA-D\'s listeners heard "neutral" in half of its happy and sad clips. What is right there is '
            "mostly which emotion was acted, seldom what most listeners heard (both are in the table)."
        )
    if "ravdess" in learned.corpora and few:
        told.append(
            "RAVDESS cut to two labels in training, by way of trial: its other five emotions fall from 76.8 "
            "to 34.5 (a linear head, unseen actors)."
        )
    if words := [SPEECH[name] for name in SAME_WORDS if name in known]:
        told.append(
            f"**Words give labels away** in {named(words)}, where most sentences stand beside one emotion "
            'only. The lines "words that every emotion has" leave these out.'
        )
    apart = f"; {tested} took no part in that choice" if tested else ""
    told.append(
        "**Sureness elsewhere.** Logits are softened by distance, with a power that was chosen on corpora "
        f"left out of the network that this project ships{apart}."
    )
    told.append(
        "**The gate** `speech` learned from every third clip of the corpora"
        f"{f', without {tested}' if tested else ''} and without those who calibrate. "
        '"Clips with speech" and noises are heard by gates that never heard their speaker; the directions '
        'below know most of them. "Made music, noise and tones" are of the kinds that it learned from.'
    )
    two = "over two speakers (TESS) say little. " if "tess" in known else ""
    told.append(
        f"**Intervals** {two}{'Over' if two else 'over'} one speaker, or where all are right, are Wilson's, "
        "as if clips were independent."
    )
    return "## What these figures do not say\n\n" + "\n".join(map(_bullet, told)) + "\n"


def _limits(learned: Learned, elsewhere: str) -> str:
    corpora = packs_of(learned.corpora)
    spoken = list(dict.fromkeys(one.language for one in corpora))
    told = [
        (
            "It says what a voice displays, not what a person feels. Most of its training data is acted, in "
            f"studios, by adults, in {', '.join(spoken)}; children, old people, most languages and speech "
            "disorders are missing."
        )
    ]
    for emotion in EMOTIONS:
        having = [one for one in corpora if emotion not in one.lacks]
        if not having:
            told.append(f"{emotion.capitalize()} was not learned at all: no corpus has it.")
        elif 2 * len(having) <= len(corpora):
            told.append(f"{emotion.capitalize()} was learned from {named(having)} only.")
    told += [
        f"A language that it never heard is read much worse (see the figures){elsewhere}.",
        (
            "It must not be used to infer emotions of people at work or in education, except for medical or "
            "safety reasons (EU AI Act, Article 5(1)(f)), nor to judge a single person's truthfulness, "
            "health or fitness for anything. People must be told that such a system is used on them (Article "
            "50(3))."
        ),
    ]
    return "## Limits, and what it must not be used for\n\n" + "\n".join(map(_bullet, told)) + "\n"


def _bullet(text: str) -> str:
    return _wrapped(f"- {text}", indent="  ")


def _wrapped(text: str, *, indent: str = "") -> str:
    return textwrap.fill(text, 108, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


# Of `paper` only: nothing makes it less sure of what it never heard.
_SURE_ELSEWHERE = ", and scores promise more there than they keep"


def default_card(summary: dict[str, Any], learned: Learned) -> str:
    """Card of `speech-default-1`; `summary` is what the steps of the evaluation wrote.

    Its `tried` brings headings of its own.
    """
    base, speaker = READERS[BASE], READERS[SPEAKER]
    free = """ and, weighing as much, in seven hours of free speech
  without labels (`training.third_party.free_speech`)"""
    asked = """
  Where listeners were asked (CREMA-D), half of the target is what they named: they heard "neutral" in half
  of its happy and sad clips."""
    asked = asked if "cremad" in learned.corpora else ""
    mouths = "coughs, laughter, crying, " if "nonverbal" in learned.unfelt else ""
    folds = {"javased": "Java-SED: leave one actor out", "ravdess": "RAVDESS: five published folds"}
    own = "; ".join(told for name, told in folds.items() if name in learned.corpora)
    own = f" ({own})" if own else ""
    return f"""# speech-default-1: what a voice displays

Sound in, seven emotions out (neutral, happiness, sadness, anger, fear, disgust, surprise), and whether it is
speech at all.

## Method

- **Two encoders,** both as published. Of OpenAI's Whisper-base (MIT licence) the convolutions and layers
  0-3, int8 (dynamic, a scale for each output; of the last product of each layer only the weights), positions
  cut to 10 s; the loudest value of its log-mel spectrum is put at a fixed level. Of CAM++ (3D-Speaker,
  Apache-2.0), which learned to tell speakers apart, everything up to the end of its third dense block,
  weights in int8; its filter banks lose their mean over time. So the level of a recording, which
  can give labels away, says nothing. The heads were trained on what the int8 encoders give.
- **Statistics over time** (mean, spread, maximum, minimum) of five maps of each encoder (Whisper: the
  convolutions and each layer; CAM++: the values of its three blocks in five parts), each map cut to
  its strongest directions, {base.strongest} of Whisper-base and {speaker.strongest} of CAM++. The
  directions are found in the clips to learn from{free if learned.free else ""}.
- **Heads:** on each encoder {summary["seeds"]} small networks (256 hidden units), trained side by side on all
  the corpora below; {base.share} of the logits of Whisper-base's and {speaker.share} of CAM++'s. Each
  clip comes as it is, altered (speed, rooms, telephone band, noise of 5-30 dB), and cut as the service cuts
  it at 0.88-1.12 of its speed. Speakers are few, so each step hides 40 % of the directions from a clip, mixes
  clips in pairs (mixup), and gives each part of another voice: the difference of two speakers of a corpus
  beside the same label.{asked}
  Each label of a corpus weighs the same, and a corpus as the root of its size. They stand joined in the
  graph as one layer an encoder.
- **What is familiar:** the logits are divided by a power ({SOFTENING}) of the distance from what was learned
  from, so that unfamiliar sounds are read less surely (`training/speech/familiarity.py`): Mahalanobis'
  distance, in the {SEEN} strongest directions of each map of Whisper-base, to the nearest of all groups of
  one emotion in one corpus. Clips that were learned from lie at 1. What is named stays the same.
- **`speech`:** a linear layer on the directions of Whisper-base, learned against
  {mouths}music, noise and tones. Below {summary["speech_from"]} a segment is refused.
- **`voice`:** seven values of a linear head on the same directions that was learned on voices with the
  speaker's own mean taken off. The mean of `voice` over a person's segments, taken off, gives logits that
  know this person's rest. It needs some ten segments of differing emotion.
- **A whole sound** is the mean of its segments' calibrated log scores, weighted by their length.

{_sureness(summary)}
{_data(learned)}
## Figures

Per cent, 95 % intervals by drawing speakers anew. Unseen speakers: six folds by speaker{own}, directions
and heads made anew for each.

{_figures(summary)}
{summary["tried"]}
{_care(learned)}
{_limits(learned, "")}"""


def paper_card(summary: dict[str, Any], learned: Learned) -> str:
    """Card of `speech-paper-1`."""
    return f"""# speech-paper-1: the paper's method for the voice

MFCCs (40, as librosa computes them, frames of 40 ms every 20 ms) into an LSTM of 128 units, two frames a
step; mean and maximum of its states over time; seven emotions. The mean of each coefficient over time is
taken off inside the graph. A second output says whether it is speech. Trained by
`python -m training.speech.paper` on the corpora below, clips as they are and altered.

It stays for comparison with the paper; use `speech-default-1` for work.

{_calibration(summary)}
{_data(learned)}
## Figures

Per cent, 95 % intervals by drawing speakers anew (Wilson's over one). Corpora never heard: a network like
this one for each, learned from all others.

{_figures(summary)}
{_tried(summary)}{_limits(learned, _SURE_ELSEWHERE)}"""


def _sureness(summary: dict[str, Any]) -> str:
    parts = {
        "home": "speakers that this network never saw, though others of their corpora",
        "elsewhere": "corpora that were left out whole (by networks like this one that never heard them), "
        "for most sounds of users come from nowhere that it knows",
    }
    parts = {name: parts[name] for name in summary.get("calibrated_on", parts)}
    on = ", and of ".join(parts.values())
    weights = "Both weigh the same, and in each all corpora do"
    weights = weights if len(parts) > 1 else "All corpora weigh the same"
    told = _wrapped(
        f"One temperature ({summary['temperature']:.2f}), set on {summary['calibration_clips']} clips of "
        f"{on}. {weights}. That it is less sure where a sound is unfamiliar was chosen on "
        "corpora left out, too."
    )
    return f"""## Calibration

{told} The table has the calibration error of each.
`uncertain_below` is {summary["uncertain_below"]}, chosen in the same way for nine in ten right above it; how
many are is in the table.
"""


def _calibration(summary: dict[str, Any]) -> str:
    certain, right = 100 * summary["certain_share"], 100 * summary["certain_right"]
    return f"""## Calibration

One temperature ({summary["temperature"]:.2f}), set on {summary["calibration_clips"]} clips of speakers that
this network never saw. Expected calibration error (15 bins) on other unseen speakers:
{summary["calibration_error"]:.3f}. `uncertain_below` is {summary["uncertain_below"]}: {certain:.0f} % of
those clips are above it, and {right:.0f} % of what is above is right.
"""


def _tried(summary: dict[str, Any]) -> str:
    tried = summary["tried"].strip()
    return f"## Tried\n\n{tried}\n\n" if tried else ""


def _figures(summary: dict[str, Any]) -> str:
    rows = ["| what | value | 95 % | n |", "|---|---|---|---|"]
    rows += [
        f"| {figure['what']} | {figure['value']} | {_interval(figure)} | {figure['n']} |"
        for figure in summary["figures"]
    ]
    return "\n".join(rows) + "\n"


def _interval(figure: dict[str, Any]) -> str:
    return "" if figure["low"] is None else f"{figure['low']}-{figure['high']}"
