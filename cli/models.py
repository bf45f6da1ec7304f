"""`emotion models`: the networks that are installed here."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from cli.house import House, read_house
from cli.standard_output import OutputLostError, standard_output
from cli.wording import file_size, printable
from shared.contracts.manifests import Figure, ModelList, ModelSummary
from shared.inference import ModelFileError, load_manifest, summarise
from shared.settings import SettingsError

_ROW_TITLES = ("name", "service", "role", "profile", "size")


def list_models(*, as_json: bool) -> int:
    """Print the installed networks.

    Returns:
        Exit status: 0; 1 when one cannot be used, or told; 2 for a wrong setting.
    """
    try:
        found = installed_models(read_house())
        with standard_output():
            if as_json:
                print_models_json(found)
            else:
                print_models(Console(), found.models)
    except SettingsError as error:
        _complain(f"Wrong setting in the environment: {error}")
        return 2
    except (ModelFileError, OutputLostError) as error:
        _complain(str(error))
        return 1
    return 0


def _complain(message: str) -> None:
    Console(stderr=True).print(message, style="red", markup=False)


def installed_models(house: House) -> ModelList:
    """Read the manifests of all networks in the services' folders, without running any.

    Raises:
        shared.inference.ModelFileError: one is missing, malformed, or not the file that its manifest names.
    """
    folders = {
        "face_service": house.face.face_models,
        "speech_service": house.speech.speech_models,
        "fusion_service": house.fusion.fusion_models,
    }
    return ModelList(
        models=tuple(
            summarise(load_manifest(manifest.parent), service=service)
            for service, folder in folders.items()
            for manifest in _manifests(folder)
        )
    )


def print_models(console: Console, models: Sequence[ModelSummary]) -> None:
    """Print each network: one line with what it is, under it its licence and what it reaches."""
    rows = [_ROW_TITLES, *(_row(model) for model in models)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_ROW_TITLES))]
    console.print(Text(_aligned(_ROW_TITLES, widths), "dim", no_wrap=True))
    for model, row in zip(models, rows[1:], strict=True):
        console.print(Text(_aligned(row, widths), "bold", no_wrap=True))
        for line in (main_figure(model.figures), f"licence: {model.licence}"):
            console.print(Padding.indent(Text(printable(line)), 2))


def print_models_json(models: ModelList) -> None:
    """Print what `GET /v1/models` of a server answers."""
    sys.stdout.write(json.dumps(models.model_dump(mode="json"), indent=2) + "\n")


def main_figure(figures: Sequence[Figure]) -> str:
    """Give the figure that stands first on the card, with its 95 % interval."""
    if not figures:
        return "see its card"
    first = figures[0]
    interval = "" if first.low is None or first.high is None else f" ({first.low:.3g} to {first.high:.3g})"
    return f"{first.what}: {first.value:.3g}{interval}, n = {first.n}"


def _row(model: ModelSummary) -> tuple[str, ...]:
    service = model.service.removesuffix("_service")
    return (model.name, service, model.role, model.profile, file_size(model.bytes))


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _manifests(folder: Path) -> list[Path]:
    """Find `<profile>/<role>/manifest.json`, the default profile first."""
    return sorted(folder.glob("*/*/manifest.json"))
