"""Write a third-party network as a service reads it: ONNX file, manifest, card and licence."""

import hashlib
from pathlib import Path
from typing import Any

from shared.contracts.manifests import Manifest


def licence_text(name: str) -> str:
    """Read a licence of `training/third_party/licences`."""
    return (Path(__file__).parent / "licences" / f"{name}.txt").read_text()


def write_network_folder(
    folder: Path, *, network: bytes, card: str, licence_text: str, **manifest: Any
) -> Manifest:
    """Write the four files of one network.

    Args:
        folder: made when it is not there.
        network: the ONNX file.
        card: `card.md`.
        licence_text: `LICENCE`.
        manifest: the fields of `shared.contracts.manifests.Manifest` except `sha256` and `bytes`.

    Raises:
        pydantic.ValidationError: the manifest's fields are wrong.
    """
    described = Manifest(sha256=hashlib.sha256(network).hexdigest(), bytes=len(network), **manifest)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / described.file).write_bytes(network)
    (folder / "manifest.json").write_text(described.model_dump_json(indent=2) + "\n")
    (folder / "card.md").write_text(card)
    (folder / "LICENCE").write_text(licence_text)
    return described
