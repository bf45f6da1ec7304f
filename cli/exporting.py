"""`--export`: a finished analysis in other formats, written by what the server writes them with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.completed_file import completed_file
from cli.failures import RefusedError
from cli.outputs import OutputPlanError
from shared.contracts.analyses import Analysis, Detail


@dataclass(frozen=True, slots=True)
class PlannedExport:
    """One file to be written.

    Args:
        name: of the format.
        path: where to.
    """

    name: str
    path: Path


def plan_exports(
    files: Sequence[Path], wanted: Sequence[str], out: str | None
) -> dict[Path, tuple[PlannedExport, ...]]:
    """Say which formats go into which files.

    Args:
        files: to be analysed.
        wanted: `FORMAT` or `FORMAT=PATH`.
        out: the value of `--out`: its folder is the place of formats without a PATH; else the current one.

    Returns:
        For each file its exports: without a PATH `<file name>.<format>`.

    Raises:
        OutputPlanError: a format that is not known, an empty PATH, or one PATH for several files.
        RefusedError: the libraries that write are not installed.
    """
    if not wanted:
        return {}
    known = _known_names()
    folder = Path()
    if out is not None:
        folder = Path(out) if len(files) > 1 or out.endswith("/") or Path(out).is_dir() else Path(out).parent
    planned: dict[Path, tuple[PlannedExport, ...]] = dict.fromkeys(files, ())
    for one in wanted:
        name, named, path = one.partition("=")
        if name not in known:
            raise OutputPlanError(f"{name!r} is none of {', '.join(known)}")
        if named and not path:
            raise OutputPlanError(f"after the = of {one} the name of a file is missing")
        if named and len(files) > 1:
            raise OutputPlanError(f"{one} names one file, and there are {len(files)} to analyse")
        for file in planned:
            to = Path(path) if named else folder / f"{file.name}.{name}"
            planned[file] += (PlannedExport(name, to),)
    return planned


def needed_detail(exports: Sequence[PlannedExport]) -> Detail:
    """Give the least detail that all of them can be written from."""
    from gateway.exports.formats import BY_NAME  # noqa: PLC0415 - see `_known_names`

    details = tuple(Detail)
    needs = (details.index(BY_NAME[export.name].needs) for export in exports)
    return details[max(needs, default=0)]


def write_export(export: PlannedExport, analysis: Analysis) -> None:
    """Write one file; folders are made as needed.

    Raises:
        OSError: it cannot be written.
    """
    from gateway.exports.formats import BY_NAME  # noqa: PLC0415 - see `_known_names`

    with completed_file(export.path) as part, part.open("wb") as file:
        file.writelines(BY_NAME[export.name].pieces(analysis))


def _known_names() -> tuple[str, ...]:
    try:
        from gateway.exports.formats import BY_NAME  # noqa: PLC0415 - brings the libraries that write
    except ImportError as error:
        raise RefusedError(
            "Parts missing",
            f"--export needs {error.name}, which is not installed.",
            "Install what writes: pip install 'emotion-server[gateway]'.",
        ) from error
    return tuple(BY_NAME)
