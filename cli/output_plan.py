"""Which files `emotion analyze` will write; what cannot be is refused before anything is analysed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from cli.annotate import plan_annotations, possible_places, require_parts
from cli.exporting import PlannedExport, needed_detail, plan_exports
from cli.failures import RefusedError
from cli.outputs import OutputPlanError, Places, plan_outputs
from shared.contracts.analyses import Detail


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """What is written for each file.

    Args:
        documents: JSON.
        exports: other formats.
        annotations: films and pictures that are drawn into.
        detail: the least that an analysis must have for all of it, and for the report on the terminal.
    """

    documents: dict[Path, Path]
    exports: dict[Path, tuple[PlannedExport, ...]]
    annotations: dict[Path, Path]
    detail: Detail


def plan_output(
    files: Sequence[Path],
    *,
    out: str | None,
    exports: Sequence[str],
    annotate: str | None,
    detail: Detail | None,
) -> OutputPlan:
    """Plan what `--out`, `--export` and `--annotate` ask for.

    Raises:
        typer.BadParameter: it cannot be written, would overwrite a file of `files` or one another, needs what
            is not installed, or more than `--detail` gives.
    """
    places = Places(files)
    hint = "--out"
    try:
        documents = plan_outputs(files, out) if out is not None else {}
        places.claim(*documents.values())
        hint = "--export"
        planned = plan_exports(files, exports, out)
        places.claim(*(export.path for some in planned.values() for export in some))
        need = max(
            (needed_detail(some) for some in planned.values()), key=_RANK.index, default=Detail.SUMMARY
        )
        _require(need, detail, hint)
        hint = "--annotate"
        annotations: dict[Path, Path] = {}
        if annotate is not None:
            require_parts()
            annotations = plan_annotations(files, annotate)
            places.claim(*(place for drawing in annotations.values() for place in possible_places(drawing)))
            need = Detail.FRAMES
            _require(need, detail, hint)
    except OutputPlanError as error:
        raise typer.BadParameter(str(error), param_hint=hint) from error
    except RefusedError as error:
        raise typer.BadParameter(f"{error.detail} {error.remedy}", param_hint=hint) from error
    shown = max(need, Detail.TIMELINE, key=_RANK.index)
    return OutputPlan(documents, planned, annotations, shown)


_RANK = tuple(Detail)


def _require(need: Detail, given: Detail | None, hint: str) -> None:
    if given is not None and _RANK.index(given) < _RANK.index(need):
        raise typer.BadParameter(f"needs --detail {need}, and {given} was asked for", param_hint=hint)
