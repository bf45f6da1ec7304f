"""What a person must know of the speech networks: the text of their cards."""

from typing import Any

from training.speech.familiarity import SEEN, SOFTENING
from training.speech.train import BASE, READERS, SPEAKER

_DATA = """## Data

No head was tested on people that it learned from. Speakers and whole corpora that were kept back took no
part.

| corpus | language, kind | licence as its makers state it |
|---|---|---|
| RAVDESS | English, acted | CC BY-NC-SA 4.0 |
| nEMO | Polish, acted | CC BY-NC-SA 4.0 |
| EmoDB (2.0 s of each clip) | German, acted | free to use with citation |
| ASED | Amharic, elicited | public, no licence text |
| TESS | English, acted | CC BY-NC-ND 4.0 |
| Java-SED | Javanese, acted | MIT (sound) |
| CREMA-D (a part{votes}) | English, acted | ODbL |
| EMOVO | Italian, acted | free for research |
| SAVEE | English, acted | free for research, asks to register |
| EmoSpeech (Indian) | English, on own devices | CC BY-NC-SA 4.0 |
| EYASE | Egyptian Arabic, television | no licence text |
| TurEV-DB | Turkish, amateurs | CC BY-NC-ND 4.0 |
| Korean (SELVAS AI sample) | Korean, acted | CC BY-NC-SA 4.0, research only |
| Deeply nonverbal (only "is it speech?") | no words | CC BY-NC-ND 4.0 |
{speech}| URDU (test only) | Urdu, television | for research only |
{free}
**What this means for the weights:** several of these corpora allow research or non-commercial use only, some
forbid altered copies. Treat the trained part of this network as for research and non-commercial use, unless
you have agreements with the corpora's makers. `--only javased cremad emodb` (an option of the steps of
`training.speech`) trains from a subset of your choice.
"""

# What only the `default` network learned from.
_SPEECH = """\
| BAVED, Deeply read speech (only "is it speech?") | Arabic, Korean | no licence text; CC BY-NC-ND 4.0 |
"""
_FREE = """\
| free speech of 11 packages (only directions, no labels) | many | GPL, CC BY-SA; each states it |
"""

_CARE = """## What these figures do not say

- **Few labels.** The part of CREMA-D holds happy, sad and disgust only; listeners heard "neutral" in half of
  its happy and sad clips. What is right there is mostly which of the two was acted, seldom what most
  listeners heard (both are in the table). EmoSpeech, TurEV-DB, EYASE and Korean have four labels each.
  RAVDESS cut to two labels in training, by way of trial: its other five emotions fall from 76.8 to 34.5 (a
  linear head, unseen actors).
- **Words give labels away** in ASED and Korean, where most sentences stand beside one emotion only. The lines
  "words that every emotion has" leave these out.
- **Sureness elsewhere.** Logits are softened by distance, with a power that was chosen on the same corpora
  left out whose calibration error is in the table; URDU took no part in that choice.
- **The gate** `speech` learned from every third clip of the corpora, without URDU and those who calibrate.
  "Clips with speech" and noises are heard by gates that never heard their speaker; the directions below know
  most of them. "Made music, noise and tones" are of the kinds that it learned from.
- **Intervals** over two speakers (TESS) say little. Over one speaker, or where all are right, they are
  Wilson's, as if clips were independent.
"""

_LIMITS = """## Limits, and what it must not be used for

- It says what a voice displays, not what a person feels. Most of its training data is acted, in studios, by
  adults, in nine languages; children, old people, most languages and speech disorders are missing.
- Disgust was learned from six corpora only (two of them with few clips), surprise from six.
- A language that it never heard is read much worse (see the figures){elsewhere}.
- It must not be used to infer emotions of people at work or in education, except for medical or safety
  reasons (EU AI Act, Article 5(1)(f)), nor to judge a single person's truthfulness, health or fitness for
  anything. People must be told that such a system is used on them (Article 50(3)).
"""

# Of `paper` only: nothing makes it less sure of what it never heard.
_SURE_ELSEWHERE = ", and scores promise more there than\n  they keep"


def default_card(summary: dict[str, Any]) -> str:
    """Card of `speech-default-1`; `summary` is what the steps of the evaluation wrote.

    Its `tried` brings headings of its own.
    """
    base, speaker = READERS[BASE], READERS[SPEAKER]
    return f"""# speech-default-1: what a voice displays

Sound in, seven emotions out (neutral, happiness, sadness, anger, fear, disgust, surprise), and whether it is
speech at all.

## Method

- **Two encoders,** both as published. Of OpenAI's Whisper-base (MIT licence) the convolutions and layers
  0-3, int8 (dynamic, a scale for each output; of the last product of each layer only the weights), positions
  cut to 10 s; the loudest value of its log-mel spectrum is put at a fixed level. Of CAM++ (3D-Speaker,
  Apache-2.0), which learned to tell speakers apart, everything up to the end of its third dense block,
  weights in int8; its filter banks lose their mean over time. So the level of a recording says nothing (in
  one corpus the level alone gives labels away). The heads were trained on what the int8 encoders give.
- **Statistics over time** (mean, spread, maximum, minimum) of five maps of each encoder (Whisper: the
  convolutions and each layer; CAM++: the values of its three blocks in five parts), each map cut to
  its strongest directions, {base.strongest} of Whisper-base and {speaker.strongest} of CAM++. The
  directions are found in the clips to learn from and, weighing as much, in seven hours of free speech
  without labels (`training.third_party.free_speech`).
- **Heads:** on each encoder {summary["seeds"]} small networks (256 hidden units), trained side by side on all
  corpora; {base.share} of the logits of Whisper-base's and {speaker.share} of CAM++'s. Each
  clip comes as it is, altered (speed, rooms, telephone band, noise of 5-30 dB), and cut as the service cuts
  it at 0.88-1.12 of its speed. Speakers are few, so each step hides 40 % of the directions from a clip, mixes
  clips in pairs (mixup), and gives each part of another voice: the difference of two speakers of a corpus
  beside the same label. Where listeners were asked (CREMA-D), half of the target is what they named: they
  heard "neutral" in half of its happy and sad clips. Each label of a corpus weighs the same, and a corpus as
  the root of its size. They stand joined in the graph as one layer an encoder.
- **What is familiar:** the logits are divided by a power ({SOFTENING}) of the distance from what was learned
  from, so that unfamiliar sounds are read less surely (`training/speech/familiarity.py`): Mahalanobis'
  distance, in the {SEEN} strongest directions of each map of Whisper-base, to the nearest of all groups of
  one emotion in one corpus. Clips that were learned from lie at 1. What is named stays the same.
- **`speech`:** a linear layer on the directions of Whisper-base, learned against coughs, laughter, crying,
  music, noise and tones. Below {summary["speech_from"]} a segment is refused.
- **`voice`:** seven values of a linear head on the same directions that was learned on voices with the
  speaker's own mean taken off. The mean of `voice` over a person's segments, taken off, gives logits that
  know this person's rest. It needs some ten segments of differing emotion.
- **A whole sound** is the mean of its segments' calibrated log scores, weighted by their length.

{_sureness(summary)}
{_DATA.format(votes=", with listeners' votes", speech=_SPEECH, free=_FREE)}
## Figures

Per cent, 95 % intervals by drawing speakers anew. Unseen speakers: six folds by speaker (Java-SED: leave one
actor out; RAVDESS: five published folds), directions and heads made anew for each.

{_figures(summary)}
{summary["tried"]}
{_CARE}
{_LIMITS.format(elsewhere="")}"""


def paper_card(summary: dict[str, Any]) -> str:
    """Card of `speech-paper-1`."""
    return f"""# speech-paper-1: the paper's method for the voice

MFCCs (40, as librosa computes them, frames of 40 ms every 20 ms) into an LSTM of 128 units, two frames a
step; mean and maximum of its states over time; seven emotions. The mean of each coefficient over time is
taken off inside the graph. A second output says whether it is speech. Trained by
`python -m training.speech.paper` on the clips that `speech-default-1` was trained on, as they are and
altered.

It stays for comparison with the paper; use `speech-default-1` for work.

{_calibration(summary)}
{_DATA.format(votes="", speech="", free="")}
## Figures

Per cent, 95 % intervals by drawing speakers anew (Wilson's over one). Corpora never heard: a network like
this one for each, learned from all others.

{_figures(summary)}
{_tried(summary)}{_LIMITS.format(elsewhere=_SURE_ELSEWHERE)}"""


def _sureness(summary: dict[str, Any]) -> str:
    return f"""## Calibration

One temperature ({summary["temperature"]:.2f}), set on {summary["calibration_clips"]} clips: half of
the weight on speakers that this network never saw, though others of their corpora, and half on corpora that
were left out whole (by networks like this one that never heard them), for most sounds of users come from
nowhere that it knows. In both parts all corpora weigh the same. That it is less sure where a sound is
unfamiliar was chosen on corpora left out, too. The table has the calibration error of each.
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
