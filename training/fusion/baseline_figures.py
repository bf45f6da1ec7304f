"""How much leaning on what is usual for a voice gives, by how much of it was heard and how varied it was.

The rules are learned without the corpora that they are measured on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion_service.baseline import PersonReadings, lean, usual_of
from fusion_service.parameters import BaselineRule
from fusion_service.pooling import Readings
from fusion_service.strategies import fuse
from shared.contracts.emotions import EMOTIONS
from shared.contracts.fusion import Strategy
from shared.contracts.manifests import Figure
from training.corpora.av import JAVASED_EMOTIONS
from training.fusion.baseline import SESSIONS, learn_voice_rule, readings_of
from training.fusion.evaluate import Measured
from training.fusion.learn import face_quality_of, voice_readings
from training.fusion.pool import log_loss
from training.fusion.sessions import LENGTHS, MIXES, draw_sessions
from training.fusion.voices import LEAST_CLIPS, LEAST_EMOTIONS, Voices
from training.measures import by_person_if_known

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Scored = Callable[[IntArray], tuple[FloatArray, FloatArray]]
"""Scores [n, 7] of the readings with these rows, which are one session: as they are, and leaning."""

GROUPS = 3
_DRAWS = 2000
_LEANS = {"no": "baseline off", "yes": "baseline of the voice"}


@dataclass(frozen=True, slots=True)
class Gain:
    """What leaning on the baseline does to sessions of one length and mix.

    Attributes:
        group: [s] the corpus of each session: corpora weigh the same.
        person: [s].
        before: [s] share right of what each session holds, as it is.
        after: [s] the same, leaning.
        loss: [s] change of its log loss.
    """

    group: NDArray[np.str_]
    person: NDArray[np.str_]
    before: FloatArray
    after: FloatArray
    loss: FloatArray

    def mean(self, values: FloatArray) -> float:
        """Mean over the means of the corpora."""
        return float(np.mean([values[self.group == one].mean() for one in np.unique(self.group)]))

    def interval(self) -> tuple[float, float]:
        """95 % of the gain, people drawn anew inside their corpus."""
        random, means = np.random.default_rng(0), []
        for one in np.unique(self.group):
            mine = self.group == one
            names, place = np.unique(self.person[mine], return_inverse=True)
            counts = np.bincount(place)
            each = np.bincount(place, (self.after - self.before)[mine]) / counts
            drawn = random.integers(0, len(names), (_DRAWS, len(names)))
            means.append((each * counts)[drawn].sum(1) / counts[drawn].sum(1))
        low, high = np.quantile(np.mean(means, axis=0), [0.025, 0.975])
        return float(low), float(high)


Gains = dict[tuple[str, int], Gain]


def gains(
    people: Sequence[IntArray],
    emotion: IntArray,
    names: tuple[NDArray[np.str_], NDArray[np.str_]],
    scored: Scored,
) -> Gains:
    """Draw sessions of every mix and length, and judge what they hold.

    Args:
        people: rows of each person, as often as sessions are wanted of one.
        emotion: [rows].
        names: corpus [rows] and person [rows].
        scored: judges a session.
    """
    random = np.random.default_rng(1)
    found: Gains = {}
    for mix in MIXES:
        for length in LENGTHS:
            sessions = draw_sessions(people, emotion, length=length, mix=mix, random=random)
            pairs = [scored(rows) for rows in sessions.heard]
            played = emotion[sessions.heard]
            shares = [
                np.asarray(
                    [(pair[way].argmax(1) == right).mean() for pair, right in zip(pairs, played, strict=True)]
                )
                for way in (0, 1)
            ]
            losses = [
                np.asarray([log_loss(pair[way], right) for pair, right in zip(pairs, played, strict=True)])
                for way in (0, 1)
            ]
            first = sessions.heard[:, 0]
            found[mix, length] = Gain(
                names[0][first], names[1][first], shares[0], shares[1], losses[1] - losses[0]
            )
    return found


def voice_rules(voices: Voices, *, each: int = SESSIONS) -> dict[str, BaselineRule]:
    """Learn a rule for every corpus, on other corpora alone (three groups).

    Raises:
        ValueError: there is one corpus only.
    """
    corpora = list(np.unique(voices.corpus))
    if len(corpora) < 2:
        raise ValueError(
            f"voices of {', '.join(corpora) or 'nobody'} only, and what leaning gives is measured on "
            "corpora left out: learn the voice from two or more (--only) that have people with "
            f"{LEAST_CLIPS} clips of {LEAST_EMOTIONS} emotions"
        )
    rules: dict[str, BaselineRule] = {}
    for group in range(GROUPS):
        held = corpora[group::GROUPS]
        rule = learn_voice_rule(voices.of(~np.isin(voices.corpus, held)), each=each)
        rules |= dict.fromkeys(map(str, held), rule)
    return rules


def voice_gains(voices: Voices, rules: dict[str, BaselineRule], *, each: int = SESSIONS) -> Gains:
    """Measure the voice on every corpus by a rule that never saw it."""

    def scored(rows: IntArray) -> tuple[FloatArray, FloatArray]:
        readings, rule = readings_of(voices, rows), rules[str(voices.corpus[rows[0]])]
        return readings.scores, leant(readings, rule)

    people = list(voices.people_evenly(each))
    return gains(people, voices.emotion, (voices.corpus, voices.person), scored)


def leant(readings: PersonReadings, rule: BaselineRule | None) -> FloatArray:
    """Give the scores of readings of one person, leaning on them by a rule as the service does."""
    usual = None if rule is None else usual_of(readings, rule)
    return readings.scores if usual is None or rule is None else lean(readings, usual, rule)


@dataclass(frozen=True)
class FilmReadings:
    """The Java-SED films as one person's readings each, by networks and layers that never saw the actor."""

    measured: Measured
    voices: Voices
    voice_rule: BaselineRule
    qualities: tuple[FloatArray, FloatArray]

    @property
    def people(self) -> list[IntArray]:
        """Rows of each actor."""
        return [np.flatnonzero(self.measured.actor == one) for one in np.unique(self.measured.actor)]

    def scored(self, rows: IntArray, *, rule: BaselineRule | None, way: Strategy) -> FloatArray:
        """Judge films of one actor, the voice leaning on that actor or not."""
        faces = Readings(self.measured.scores["strategy face"][rows], self.qualities[0][rows])
        voice = Readings(leant(readings_of(self.voices, rows), rule), self.qualities[1][rows])
        return fuse(faces, voice, way, self.measured.parameters[str(self.measured.actor[rows[0]])]).scores

    def gains(self) -> Gains:
        """Measure face and voice together."""

        def scored(rows: IntArray) -> tuple[FloatArray, FloatArray]:
            return (
                self.scored(rows, rule=None, way=Strategy.LEARNED),
                self.scored(rows, rule=self.voice_rule, way=Strategy.LEARNED),
            )

        actor = self.measured.actor
        names = np.full(len(actor), "javased"), actor
        return gains(self.people * SESSIONS, self.measured.emotion, names, scored)


def film_readings(measured: Measured, voices: Voices, rules: dict[str, BaselineRule]) -> FilmReadings:
    """Put the films beside what the voice network read of them."""
    adjectives = {EMOTIONS.index(emotion): name for name, emotion in JAVASED_EMOTIONS.items()}
    place = {}
    for row in np.flatnonzero(voices.corpus == "javased"):
        clip, take = str(voices.name[row]).split("_")
        if take == "01":  # the film's own sound
            actor, sentence, _ = clip.split("-")
            place[f"{actor}_{adjectives[int(voices.emotion[row])]}_s{int(sentence)}"] = row
    own = voices.of(np.asarray([place[film.film.name] for film in measured.films]))
    said = {film.film.name: score for film, score in zip(measured.films, own.scores, strict=True)}
    face, voice = [], []
    for film in measured.films:
        parameters = measured.parameters[film.film.actor]
        face.append(face_quality_of([film], parameters)[0])
        voice.append(voice_readings([film], said, parameters).quality[0])
    return FilmReadings(measured, own, rules["javased"], (np.asarray(face), np.asarray(voice)))


def gain_table(found: Gains) -> str:
    """Lay gains out as Markdown: a row a mix, a column a length."""
    lines = [
        "| what a session holds | " + " | ".join(f"{length} readings" for length in LENGTHS) + " |",
        "|---|" + "---|" * len(LENGTHS),
    ]
    for mix in MIXES:
        cells = []
        for length in LENGTHS:
            gain = found[mix, length]
            low, high = gain.interval()
            before, after = 100 * gain.mean(gain.before), 100 * gain.mean(gain.after)
            cells.append(
                f"{before:.1f} to {after:.1f} ({100 * low:+.1f} to {100 * high:+.1f}), "
                f"{gain.mean(gain.loss):+.2f}"
            )
        lines.append(f"| {mix} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def corpus_table(found: Gains, length: int) -> str:
    """Lay out what varied sessions of one length gain in each corpus."""
    gain = found[MIXES[0], length]
    lines = ["| corpus | people | as it is, % | leaning, % |", "|---|---|---|---|"]
    for corpus in np.unique(gain.group):
        mine = gain.group == corpus
        lines.append(
            f"| {corpus} | {len(np.unique(gain.person[mine]))} | {100 * gain.before[mine].mean():.1f} "
            f"| {100 * gain.after[mine].mean():.1f} |"
        )
    return "\n".join(lines)


def whole_actor_table(films: FilmReadings) -> tuple[str, list[Figure]]:
    """Judge all films of an actor as one long film, leaning or not, in per cent right."""
    emotion = films.measured.emotion
    lines = ["| the voice leans | voice, % | fused, % | 95 % | log loss of fused |", "|---|---|---|---|---|"]
    figures = []
    for name, rule in (("no", None), ("yes", films.voice_rule)):
        voice, fused = (
            np.concatenate([films.scored(rows, rule=rule, way=way) for rows in films.people])
            for way in (Strategy.SPEECH, Strategy.LEARNED)
        )
        rows = np.concatenate(films.people)
        played = emotion[rows]
        share = by_person_if_known(fused.argmax(1) == played, films.measured.actor[rows])
        lines.append(
            f"| {name} | {100 * (voice.argmax(1) == played).mean():.1f} | {100 * share.value:.1f} "
            f"| {100 * share.low:.1f}-{100 * share.high:.1f} | {log_loss(fused, played):.3f} |"
        )
        figures.append(
            Figure(
                what=f"Java-SED, the 24 films of an actor as one, right in per cent: {_LEANS[name]}",
                value=round(100 * share.value, 1),
                n=share.n,
                low=round(100 * share.low, 1),
                high=round(100 * share.high, 1),
            )
        )
    return "\n".join(lines), figures


def voice_figures(found: Gains, length: int) -> list[Figure]:
    """Give the gain of sessions of one length as figures of the manifest, in points."""
    figures = []
    for mix in MIXES:
        gain = found[mix, length]
        low, high = gain.interval()
        corpora = len(np.unique(gain.group))
        what = f"voice, {corpora} corpora, points gained by leaning on {length} segments of a person, {mix}"
        figures.append(
            Figure(
                what=what,
                value=round(100 * gain.mean(gain.after - gain.before), 1),
                n=len(gain.before),
                low=round(100 * low, 1),
                high=round(100 * high, 1),
            )
        )
    return figures
