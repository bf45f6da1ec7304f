"""Analyses as JSON: lines on standard output, documents in files."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cli.completed_file import completed_file
from shared.contracts.analyses import Analysis


class OutputPlanError(Exception):
    """The files asked for cannot be written, or would overwrite each other or what is analysed."""


class Places:
    """What will be written: nothing twice, and nothing over what is analysed.

    Args:
        inputs: the files to be analysed.
    """

    def __init__(self, inputs: Iterable[Path]) -> None:
        self._inputs = {_file_at(path) for path in inputs}
        self._outputs: set[object] = set()

    def claim(self, *paths: Path) -> None:
        """Note that these files will be written.

        Raises:
            OutputPlanError: one is to be analysed, or is claimed already, under whatever name.
        """
        for path in paths:
            file = _file_at(path)
            if file in self._inputs:
                raise OutputPlanError(f"{path} is to be analysed and would be overwritten")
            if file in self._outputs:
                raise OutputPlanError(f"{path} would be written twice; name another, or analyse one by one")
            self._outputs.add(file)


def _file_at(path: Path) -> object:
    """Tell files apart by what they are: links and `..` lead to one under many names."""
    try:
        status = path.stat()
    except OSError:
        return os.path.realpath(path)
    return status.st_dev, status.st_ino


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
    """
    folder = Path(out)
    if len(files) == 1 and not out.endswith("/") and not folder.is_dir():
        return {files[0]: folder}
    return {file: folder / f"{file.name}.json" for file in files}


def write_document(path: Path, analysis: Analysis) -> None:
    """Write an analysis as the server would answer it, indented; folders are made as needed.

    Raises:
        OSError: it cannot be written.
    """
    with completed_file(path) as part:
        part.write_text(analysis.model_dump_json(indent=2) + "\n", encoding="utf-8")
