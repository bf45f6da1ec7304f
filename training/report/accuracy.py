"""Write docs/accuracy.md from the manifests of what ships: `python -m training.report.accuracy`."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.contracts.manifests import Figure, Manifest

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "docs" / "accuracy.md"
# Pages that `training.report` writes from the corpora, one a network.
PAGES = ROOT / "docs" / "accuracy"
RAVDESS_PAGE = "ravdess-films"
_SERVICES = ("face_service", "speech_service", "fusion_service")
_HEAD = """# How good the networks are

Written by `python -m training.report.accuracy` from the manifests beside the networks; `GET /v1/models` shows
the same. People who were measured never trained (nobody knows who the people of FER2013 and RAF-DB are:
there, exact repeats of a picture were taken out). `n` is the number of pictures, clips or films; the interval
holds 95 %. Each network's card says how it was made, what was tried, what the figures do not show, and what
it must not be used for.

What these figures are: the share of acted or posed expressions that the networks name as the actor or the
annotator did. How people feel was never measured.
"""


def accuracy_document() -> str:
    """Give the text of docs/accuracy.md."""
    sections = [_section(service, manifest) for service, manifest in shipped_manifests()]
    return "\n".join([_HEAD, *sections, *_trials()])


def shipped_manifests() -> Iterator[tuple[str, Manifest]]:
    """Give each network's service and manifest: the default profile first."""
    for profile in ("default", "paper"):
        for service in _SERVICES:
            for path in sorted((ROOT / service / "models" / profile).glob("*/manifest.json")):
                yield service, Manifest.model_validate_json(path.read_bytes())


def _section(service: str, manifest: Manifest) -> str:
    card = f"../{service}/models/{manifest.profile}/{manifest.role}/card.md"
    measured = f"accuracy/{manifest.name}.md"
    more = f" [By emotion, sex and confidence, with pictures]({measured})." if _has_page(manifest) else ""
    held_out = f"held-out-{manifest.name}.md"
    if (PAGES / held_out).exists():
        more += f" [Cross-validated, fold by fold](accuracy/{held_out})."
    lines = [
        f"## {manifest.name}: {manifest.role}, profile `{manifest.profile}`\n",
        f"{manifest.summary} {manifest.bytes / 1e6:.1f} MB. [Card]({card}).{more}\n",
    ]
    if manifest.labels:
        lines.append(
            f"`uncertain` below {manifest.uncertain_below:.2f}; temperature {manifest.temperature:.2f}.\n"
        )
    return "\n".join([*lines, *_table(manifest.figures)])


def _trials() -> Iterator[str]:
    """Name the pages of what was measured and does not ship."""
    if (PAGES / f"{RAVDESS_PAGE}.md").exists():
        yield "## What does not ship\n"
        yield f"[Face and voice on RAVDESS films, eight classes](accuracy/{RAVDESS_PAGE}.md).\n"


def _has_page(manifest: Manifest) -> bool:
    return (PAGES / f"{manifest.name}.md").exists()


def _table(figures: Sequence[Figure]) -> list[str]:
    if not figures:
        return ["No figures of its own; see its card.\n"]
    rows = [f"| {figure.what} | {_value(figure)} | {_interval(figure)} | {figure.n} |" for figure in figures]
    return ["| what | measured | 95 % | n |", "|---|---|---|---|", *rows, ""]


def _value(figure: Figure) -> str:
    return f"{figure.value:.4g}"


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{figure.low:.4g} to {figure.high:.4g}"


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    TARGET.write_text(accuracy_document())


if __name__ == "__main__":
    main()
