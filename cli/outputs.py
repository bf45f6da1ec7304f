"""Analyses as JSON: lines on standard output, documents in files."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shared.contracts.analyses import Analysis


class OutputPlanError(Exception):
    """The files asked for would overwrite each other."""


def json_line(file: Path, content: dict[str, Any]) -> str:
    """Give one line of JSON: the file's name, then the analysis (or `problem`)."""
    return json.dumps({"file": str(file), **content})


def plan_outputs(files: Sequence[Path], out: str) -> dict[Path, Path]:
    """Say which analysis goes into which file.

    Args:
        files: to be analysed.
        out: a file for one; a folder for several, or where it ends with `/` or is one already.

    Returns:
        For each file its output: in a folder, the file's name with `.json` at the end.

    Raises:
        OutputPlanError: two files have the same name.
    """
    folder = Path(out)
    if len(files) == 1 and not out.endswith("/") and not folder.is_dir():
        return {files[0]: folder}
    names = Counter(file.name for file in files)
    if twice := [name for name, count in names.items() if count > 1]:
        raise OutputPlanError(f"two files are called {twice[0]}; analyse them one by one, or rename one")
    return {file: folder / f"{file.name}.json" for file in files}


def write_document(path: Path, analysis: Analysis) -> None:
    """Write an analysis as the server would answer it, indented; folders are made as needed.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(analysis.model_dump_json(indent=2) + "\n", encoding="utf-8")
