"""The command line: `emotion serve`, `emotion analyze`, `emotion models`, `emotion keys`."""

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from cli.options import Options, parse_modalities
from cli.standard_output import OutputLostError, standard_output
from shared.contracts.analyses import Detail
from shared.contracts.fusion import Baseline, Profile, Strategy
from shared.contracts.media import Modality

_EPILOG = (
    "What a face or a voice displays is not what a person feels. "
    "Everything runs on your own machines: nothing is kept, nobody is recognised."
)
_Value = TypeVar("_Value")
_Checked = TypeVar("_Checked")

_SCOPE = "What to analyse"
_OUTPUT = "What comes out"
_WHERE = "Where"


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        with standard_output():
            yield
    except OutputLostError as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None


class _Command(TyperCommand):
    def get_help(self, ctx: Any) -> str:
        with _told():
            return super().get_help(ctx)


class _Group(TyperGroup):
    def get_help(self, ctx: Any) -> str:
        with _told():
            return super().get_help(ctx)


app = typer.Typer(
    name="emotion",
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


keys = typer.Typer(cls=_Group, no_args_is_help=True)
app.add_typer(keys, name="keys", help="API keys of a server.")


@keys.callback()
def _keys() -> None:
    """API keys of a server."""


def _show_version(asked: bool) -> None:  # noqa: FBT001 - the shape that typer wants
    if asked:
        _print(f"emotion {metadata.version('emotion-server')}")
        raise typer.Exit


def _print(*lines: str) -> None:
    with _told():
        for line in lines:
            typer.echo(line)


@app.callback(epilog=_EPILOG)
def emotion(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Read the emotions that faces and voices show in pictures, sounds and films."""
    for stream in (sys.stdout, sys.stderr):
        # Where the terminal lacks a letter, a question mark instead of a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@app.command(cls=_Command, epilog=_EPILOG)
def serve(
    *,
    host: Annotated[
        str, typer.Option(envvar="EMOTION_HOST", help="Address to listen on; 0.0.0.0 for every network.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            envvar="EMOTION_PORT", min=0, max=65535, help="Port to listen on; 0 for any that is free."
        ),
    ] = 8000,
    single_process: Annotated[
        bool, typer.Option("--single-process", help="One process for everything instead of one a service.")
    ] = False,
) -> None:
    """Start the server: gateway, faces, speech and fusion, kept running until Ctrl-C.

    One line on standard output says when it is ready; logs go to standard error, one JSON object a line.
    The first Ctrl-C (or SIGTERM) lets running requests finish, a second one does not wait.

    Exit status: 0 stopped in order; 1 could not start or did not stay up; 2 wrong option or setting.
    """
    from cli import serve as serving  # noqa: PLC0415 - the other commands need none of it

    raise typer.Exit(serving.serve(host=host, port=port, single_process=single_process))


def _read_modalities(listed: str | None) -> tuple[Modality, ...] | None:
    try:
        return None if listed is None else parse_modalities(listed)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--modalities") from error


def _server_url(url: str | None) -> str | None:
    from emotion_client.arguments import checked_address  # noqa: PLC0415 - the other commands need none of it

    return _checked(checked_address, url) if url else None


def _api_key(key: str | None) -> str | None:
    from emotion_client.arguments import checked_key  # noqa: PLC0415 - as above

    return _checked(checked_key, key)


def _checked(check: Callable[[_Value], _Checked], value: _Value) -> _Checked:
    try:
        return check(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.command(cls=_Command, epilog=_EPILOG)
def analyze(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Pictures, sounds and films.", show_default=False)
    ],
    *,
    fps: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=30,
            rich_help_panel=_SCOPE,
            help="Frames read from each second of film; without it, 5.",
        ),
    ] = None,
    modalities: Annotated[
        str | None,
        typer.Option(
            metavar="face,speech",
            rich_help_panel=_SCOPE,
            help="What to read: face, speech, or both with a comma; without it, both.",
        ),
    ] = None,
    start: Annotated[
        float | None, typer.Option(min=0, rich_help_panel=_SCOPE, help="Begin here, seconds.")
    ] = None,
    end: Annotated[
        float | None, typer.Option(min=0, rich_help_panel=_SCOPE, help="Stop here, seconds.")
    ] = None,
    strategy: Annotated[
        Strategy | None,
        typer.Option(
            rich_help_panel=_SCOPE, help="How face and speech are joined; without it, the profile's own way."
        ),
    ] = None,
    profile: Annotated[
        Profile | None,
        typer.Option(rich_help_panel=_SCOPE, help="Which networks: the best we have, or the paper's method."),
    ] = None,
    baseline: Annotated[
        Baseline | None,
        typer.Option(
            rich_help_panel=_SCOPE,
            help="Whether the scores of a voice lean on what is usual for it once enough was heard; auto "
            "without it.",
        ),
    ] = None,
    detail: Annotated[
        Detail | None,
        typer.Option(
            rich_help_panel=_OUTPUT,
            help="summary: verdicts and people; timeline: also moments; frames: also every face. "
            "Without it, frames for JSON and timeline for people.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", rich_help_panel=_OUTPUT, help="One line of JSON a file on standard output."),
    ] = False,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            rich_help_panel=_OUTPUT,
            help="Write JSON here as well: a file, or for several analyses a folder.",
        ),
    ] = None,
    export: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FORMAT[=PATH]",
            rich_help_panel=_OUTPUT,
            help="Write it as csv, moments.csv, jsonl, vtt, eaf or emotionml as well; can be given several "
            "times. Without a PATH into the folder of --out, or this one.",
        ),
    ] = None,
    annotate: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            rich_help_panel=_OUTPUT,
            help="Write the film or picture with faces, labels and timeline drawn in: a file, or for several "
            "a folder.",
        ),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", rich_help_panel=_OUTPUT, help="Only errors, and JSON if asked for."),
    ] = False,
    server: Annotated[
        str | None,
        typer.Option(
            envvar="EMOTION_SERVER",
            metavar="URL",
            callback=_server_url,
            rich_help_panel=_WHERE,
            help="Server to ask. Without it: the one on this machine (port 8000) if it runs, else none: "
            "the networks are loaded into this process.",
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="EMOTION_API_KEY",
            show_envvar=True,
            callback=_api_key,
            rich_help_panel=_WHERE,
            help="Key, where the server asks for one.",
        ),
    ] = None,
) -> None:
    """Analyse pictures, sounds and films: who is in them, and what faces and voices show.

    Prints what a person wants to read, or JSON with --json, as the server's POST /v1/analyses answers it.
    JSON lines begin with the file's name; a file that cannot be analysed gives a line with a problem.

    Exit status: 0 all analysed; 1 some file was not; 2 wrong usage; 3 the server cannot be reached.
    """
    from cli.analyze import Output  # noqa: PLC0415 - `serve` needs none of it, and starts quicker without
    from cli.analyze import analyze as analyze_files  # noqa: PLC0415 - as above
    from cli.output_plan import plan_output  # noqa: PLC0415 - as above

    if end is not None and end <= (start or 0.0):
        raise typer.BadParameter("must be greater than --start", param_hint="--end")
    wanted = _read_modalities(modalities)
    needed = {Strategy.FACE: Modality.FACE, Strategy.SPEECH: Modality.SPEECH}
    goes_by = None if strategy is None else needed.get(strategy)
    if goes_by is not None and wanted is not None and goes_by not in wanted:
        raise typer.BadParameter(f"{strategy} needs {strategy} among --modalities", param_hint="--strategy")
    plan = plan_output(files, out=out, exports=export or (), annotate=annotate, detail=detail)
    if detail is None:
        detail = None if as_json or out is not None else plan.detail
    options = Options(
        fps=fps,
        modalities=wanted,
        start=start,
        end=end,
        strategy=strategy,
        profile=profile,
        detail=detail,
        baseline=baseline,
    )
    output = Output(
        as_json=as_json,
        documents=plan.documents,
        exports=plan.exports,
        annotations=plan.annotations,
        quiet=quiet,
    )
    raise typer.Exit(analyze_files(files, options, output, server=server, api_key=api_key))


@app.command(cls=_Command, epilog=_EPILOG)
def models(
    *, as_json: Annotated[bool, typer.Option("--json", help="As GET /v1/models of a server answers.")] = False
) -> None:
    """List the networks that are installed: what each is for, its size, licence and main figure."""
    from cli.models import list_models  # noqa: PLC0415 - `serve` starts quicker without

    raise typer.Exit(list_models(as_json=as_json))


@keys.command(cls=_Command, epilog=_EPILOG)
def create() -> None:
    """Make an API key: the key for who may call, and its hash for the server's EMOTION_API_KEYS.

    The key is shown this once; a server keeps hashes only.
    """
    from gateway.callers import hash_key, new_key  # noqa: PLC0415 - `serve` starts quicker without

    key = new_key()
    _print(f"key   {key}", f"hash  {hash_key(key)}")
