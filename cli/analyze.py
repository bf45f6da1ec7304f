"""`emotion analyze`: files in, readable analyses or JSON out."""

import asyncio
import contextlib
import stat
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from cli.annotate import annotate, require_drawable
from cli.doors import Door, ServerDoor, gateway_answers
from cli.exporting import PlannedExport, write_export
from cli.failures import RefusedError, ServerLostError, print_refusal, print_server_lost
from cli.health import NotReadyError
from cli.interruption import exit_status, interrupted_by_signals
from cli.options import Options
from cli.outputs import json_line, write_document
from cli.progress import ProgressView, progress_of
from cli.report import print_report
from cli.standard_output import OutputLostError, standard_output
from emotion_client import UsageError
from shared.contracts.analyses import Analysis
from shared.settings import SettingsError

NEARBY_SERVER = "http://127.0.0.1:8000"
ALL_ANALYSED, SOME_FAILED, WRONG_USAGE, NO_SERVER = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Output:
    """How results are shown.

    Args:
        as_json: JSON Lines on standard output, and nothing else there.
        documents: the file that each analysis is written to, if any.
        exports: the other formats that each is written in.
        annotations: the film or picture that each is drawn into, if any.
        quiet: nothing but errors, and JSON where asked for.
        results: standard output.
        messages: standard error.
    """

    as_json: bool = False
    documents: dict[Path, Path] = field(default_factory=dict)
    exports: dict[Path, tuple[PlannedExport, ...]] = field(default_factory=dict)
    annotations: dict[Path, Path] = field(default_factory=dict)
    quiet: bool = False
    results: Console = field(default_factory=Console)
    messages: Console = field(default_factory=lambda: Console(stderr=True))

    @property
    def shows_progress(self) -> bool:
        """True where a moving bar would reach a person's eyes and no file or pipe."""
        return not self.quiet and self.results.is_terminal and self.messages.is_terminal

    def tell(self, message: str) -> None:
        """Say something about the work itself."""
        if not self.quiet:
            # Not broken into lines: a path in it can be copied whole.
            self.messages.print(message, style="dim", markup=False, highlight=False, soft_wrap=True)


def analyze(
    files: Sequence[Path], options: Options, output: Output, *, server: str | None, api_key: str | None = None
) -> int:
    """Analyse files one after the other.

    Args:
        files: pictures, sounds and films.
        options: what is asked of each analysis.
        output: how results are shown.
        server: base URL; None for one on this machine if it runs, else this process.
        api_key: where the server asks for one.

    Returns:
        Exit status: 0 when all were analysed, 1 when some were not, 2 for a wrong setting, 3 when the server
        cannot be reached, 128 and the signal's number when interrupted.
    """
    try:
        with interrupted_by_signals():
            return asyncio.run(_analyze(files, options, output, server, api_key))
    except ServerLostError as error:
        print_server_lost(output.messages, error)
        return NO_SERVER
    except (SettingsError, UsageError) as error:
        place = "Wrong setting in the environment: " if isinstance(error, SettingsError) else ""
        output.messages.print(f"{place}{error}", markup=False)
        return WRONG_USAGE
    except NotReadyError as error:
        output.messages.print(f"{error} EMOTION_LOG_LEVEL=INFO shows why.", markup=False)
        return SOME_FAILED
    except OutputLostError as error:
        output.messages.print(f"{error}", markup=False)
        return SOME_FAILED
    except KeyboardInterrupt as interruption:
        # A terminal that was closed takes no more words.
        with contextlib.suppress(OSError):
            output.messages.print("Interrupted.", style="dim")
        return exit_status(interruption)


async def _analyze(
    files: Sequence[Path], options: Options, output: Output, server: str | None, api_key: str | None
) -> int:
    failed = 0
    async with _open_door(server, api_key, output) as door:
        for file in files:
            analysis = unwritten = None
            try:
                _require_file(file)
                if (drawing := output.annotations.get(file)) is not None:
                    require_drawable(file, drawing)
                with progress_of(output.messages, file.name, shown=output.shows_progress) as progress:
                    analysis = await door.analyse(file, options, progress)
                    await _write(file, analysis, output, progress)
            except RefusedError as refusal:
                failed += 1
                if analysis is None:
                    _show_refusal(file, refusal, output)
                unwritten = refusal
            if analysis is not None:
                # Also where it could not be written: it took a while to get.
                with standard_output():
                    _show(file, analysis, options, output)
                if unwritten is not None:
                    print_refusal(output.messages, str(file), unwritten)
    return SOME_FAILED if failed else ALL_ANALYSED


def _require_file(file: Path) -> None:
    """Refuse what gives its bytes only once: they are read more than once."""
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise RefusedError.of_os_error(error) from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        detail, remedy = "It is a pipe or a device, not a file.", "Save what comes from it, and analyse that."
        raise RefusedError("File error", detail, remedy)


@contextlib.asynccontextmanager
async def _open_door(server: str | None, api_key: str | None, output: Output) -> AsyncIterator[Door]:
    if server is None and await gateway_answers(NEARBY_SERVER):
        server = NEARBY_SERVER
        output.tell(f"Using the server on {server}.")
    if server is not None:
        remote = ServerDoor(server, api_key=api_key)
        try:
            yield remote
        finally:
            await remote.close()
        return
    output.tell(f"No server answers on {NEARBY_SERVER}: analysing inside this process.")
    try:
        from cli.local_door import open_local_door  # noqa: PLC0415 - loads every library there is
    except ModuleNotFoundError as error:
        detail = f"Without a server this needs {error.name}, which is not installed."
        remedy = "Name a server with --server, or install everything: pip install 'emotion-server[all]'."
        raise UsageError(f"{detail} {remedy}") from error

    async with open_local_door() as local:
        yield local


async def _write(file: Path, analysis: Analysis, output: Output, progress: ProgressView) -> None:
    place = file
    try:
        if (document := output.documents.get(file)) is not None:
            place = document
            write_document(document, analysis)
        for export in output.exports.get(file, ()):
            place = export.path
            write_export(export, analysis)
    except OSError as error:
        raise RefusedError.of_os_error(error, output=place) from error
    if (drawing := output.annotations.get(file)) is not None:
        written = await annotate(file, analysis, drawing, progress)
        output.tell(f"Drawn into {written}.")


def _show(file: Path, analysis: Analysis, options: Options, output: Output) -> None:
    if output.as_json:
        _print_line(json_line(file, analysis.model_dump(mode="json")))
    elif not output.quiet:
        print_report(output.results, str(file), analysis, start=options.start, end=options.end)
        output.results.print()


def _show_refusal(file: Path, refusal: RefusedError, output: Output) -> None:
    if output.as_json:
        with standard_output():
            _print_line(json_line(file, {"problem": refusal.document}))
    print_refusal(output.messages, str(file), refusal)


def _print_line(line: str) -> None:
    # As it is: rich would wrap it.
    sys.stdout.write(f"{line}\n")
