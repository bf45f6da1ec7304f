"""Write the parameters of the fusion as a model folder: parameters, manifest and card."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from fusion_service.parameters import FusionParameters
from shared.contracts.emotions import EMOTIONS
from shared.contracts.manifests import Figure, Manifest

LICENCE = "Ours; see LICENCE beside it"


def publish(
    folder: Path,
    parameters: FusionParameters,
    *,
    name: str,
    profile: Literal["default", "paper"],
    summary: str,
    source: str,
    uncertain_below: float,
    figures: Sequence[Figure],
    card: str,
    licence: str,
) -> Manifest:
    """Write everything that ships; what stood in `folder` before is written over."""
    folder.mkdir(parents=True, exist_ok=True)
    content = parameters.model_dump_json(indent=1).encode() + b"\n"
    (folder / "fusion.json").write_bytes(content)
    manifest = Manifest(
        name=name,
        role="fusion",
        profile=profile,
        file="fusion.json",
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        licence=LICENCE,
        source=source,
        summary=summary,
        labels=EMOTIONS,
        uncertain_below=uncertain_below,
        figures=tuple(figures),
    )
    (folder / "manifest.json").write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / "card.md").write_text(card, encoding="utf-8")
    (folder / "LICENCE").write_text(licence, encoding="utf-8")
    return manifest
