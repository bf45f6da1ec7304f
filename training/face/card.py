"""Licence and card of a face network that was trained anew, by what it learned from.

The cards of the networks that ship say more and were written by hand: what stands there is left as it is.
"""

import textwrap
from pathlib import Path

from shared.contracts.manifests import Manifest
from training.corpora.terms import FACERES, FACES, consequences, is_for_research
from training.face.learned import LearnedFrom
from training.third_party.network_folder import licence_text

_BEGINNING = "# A face network trained with this project's programs"
_PARTS = {
    "rafdb_train": "85 % of the train part to learn from, 5 % to choose on, 10 % to test",
    "fer2013": "Training to learn from, PublicTest to choose on, PrivateTest to test",
    "kdef": "44 people to learn from, 6 to choose on, 10 to test",
}
_NAMES = {"rafdb_train": "RAF-DB", "fer2013": "FER2013", "kdef": "KDEF"}
_TITLES = {
    "rafdb_train": ("RAF-DB",),
    "fer2013": ("FER2013", "FER+"),
    "kdef": ("KDEF",),
    "jaffe": ("JAFFE",),
    "ckplus48": ("CK+",),
    "webfaces_expr": ("web faces",),
}


def short_names(learned: LearnedFrom) -> str:
    """Name in few words what had a part: "RAF-DB, FER2013, VGGFace2"."""
    base = ["VGGFace2"] if learned.faceres else []
    return ", ".join([*(_NAMES[name] for name in learned.everything), *base])


def licence_line(learned: LearnedFrom) -> str:
    """The licence in one line, for the manifest."""
    names = short_names(learned)
    if is_for_research(learned.terms):
        return f"weights: non-commercial research only ({names}); see LICENCE"
    return f"weights: as {names} ask; see LICENCE"


def face_licence(learned: LearnedFrom) -> str:
    """Text for `LICENCE`."""
    lines = ["The weights in this folder were trained by this project's programs (training/face), from:", ""]
    lines += [
        _wrapped(f"- {one.title}{f' ({one.source})' if one.source else ''}: {one.licence}", "  ")
        for one in learned.terms
    ]
    if learned.base:
        lines.append(_wrapped(f"- what the trunk began with: {learned.base}", "  "))
    lines += ["", _wrapped(consequences(learned.terms, what="these weights")), ""]
    lines.append(
        _wrapped(
            "Whether a network is bound by the terms of the pictures that it learned from is disputed; this "
            "is the careful view. docs/training.md tells how to make another from what you choose."
        )
    )
    if learned.faceres:
        lines += ["", "----", "", licence_text("human-models-MIT").rstrip()]
    return "\n".join(lines) + "\n"


def face_card(manifest: Manifest, learned: LearnedFrom) -> str:
    """Text for `card.md`: data, licences, method, figures, limits, as far as they are known by machine."""
    tested = [
        name
        for name, titles in _TITLES.items()
        if any(one.what.startswith(titles) for one in manifest.figures)
    ]
    rows = [f"| {_title(name)} | {_PARTS[name]} | {FACES[name].licence} |" for name in learned.corpora]
    rows += [
        f"| {_title(name)} | by way of earlier weights or a teacher | {FACES[name].licence} |"
        for name in learned.before
    ]
    rows += [f"| {FACERES.title} | {FACERES.kind} | {FACERES.licence} |"] if learned.faceres else []
    rows += [f"| (base) | what the trunk begins with | {learned.base} |"] if learned.base else []
    rows += [
        f"| {_title(name)} | tested on only | {FACES[name].licence} |"
        for name in tested
        if name not in learned.everything
    ]
    figures = [
        f"| {one.what} | {one.value} | {_interval(one.low, one.high)} | {one.n} |" for one in manifest.figures
    ]
    posed = [name for name in learned.corpora if name == "kdef"]
    limits = [
        "Labels are what passers-by said or actors were asked to show, not what anybody felt.",
        "KDEF's people are white Swedes, young, acting."
        if posed
        else "Faces seen from the side were hardly learned from: no corpus above is made of them.",
        "Age, sex and origin of whom it learned from are mostly not known; by these it was not measured.",
    ]
    return "\n".join(
        [
            _BEGINNING,
            "",
            _wrapped(
                f"**What it is.** {manifest.summary} The logits divided by {manifest.temperature} give the "
                f"scores of seven emotions. Write here what else a reader must know."
            ),
            "",
            "**Learned from**",
            "",
            "| corpus | part | licence as its makers state it |",
            "|---|---|---|",
            *rows,
            "",
            _wrapped(
                f"**What this means for the weights.** {consequences(learned.terms, what='these weights')}"
            ),
            "",
            _wrapped(
                "**Method.** `training.face.train`, then `training.face.export`: head, shares, temperature "
                f"and threshold ({manifest.uncertain_below}) on the parts to choose on which "
                "`--corpora` names, those that the run learned from where it is not given."
            ),
            "",
            "**Figures** (95 % intervals; accuracy in %)",
            "",
            *(
                ["| what | value | 95 % | n |", "|---|---|---|---|", *figures]
                if figures
                else ["Not measured."]
            ),
            "",
            "**Limits.** " + _wrapped(" ".join(limits)),
            "",
            _wrapped(
                "**Must not be used for** anything that decides about a person. Inferring emotions of people "
                "at work or in education is forbidden in the EU (AI Act, Article 5(1)(f)); so are hidden "
                "use, and any claim to know what somebody feels: the network names what a face shows, as "
                "raters would name it."
            ),
            "",
        ]
    )


def write_documents(folder: Path, manifest: Manifest, learned: LearnedFrom) -> None:
    """Write `LICENCE`, and `card.md` where no other hand wrote one."""
    (folder / "LICENCE").write_text(face_licence(learned), encoding="utf-8")
    card = folder / "card.md"
    if card.exists() and not card.read_text(encoding="utf-8").startswith(_BEGINNING):
        print(f"{card} was written by hand and is left as it is: revise it, data and licences above all")
        return
    card.write_text(face_card(manifest, learned), encoding="utf-8")


def _title(name: str) -> str:
    return FACES[name].title


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None else f"{low}-{high}"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, 110, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
