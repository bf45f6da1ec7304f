"""`--annotate`: the picture or film with boxes, labels and a timeline drawn in."""

import asyncio
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from cli.completed_file import completed_file
from cli.failures import RefusedError
from cli.outputs import OutputPlanError
from cli.progress import ProgressView
from shared.contracts.analyses import Analysis
from shared.contracts.media import MediaKind
from shared.contracts.problems import Problem

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
FILMS = (".mp4", ".m4v", ".mov", ".mkv", ".webm")


def require_parts() -> None:
    """Refuse where the libraries that draw are not installed.

    Raises:
        RefusedError: they are not.
    """
    try:
        import av  # noqa: F401, PLC0415 - only looked for
        import PIL  # noqa: F401, PLC0415 - only looked for
    except ImportError as error:
        raise RefusedError(
            "Parts missing",
            f"--annotate needs {error.name}, which is not installed.",
            "Install what draws: pip install 'emotion-server[gateway]'.",
        ) from error


def plan_annotations(files: Sequence[Path], out: str) -> dict[Path, Path]:
    """Say into which file each one is drawn: PATH itself for one, a file of its name in PATH for several.

    Where its own suffix cannot be written, `.png` or `.mp4` is added as the analysis turns out.

    Raises:
        OutputPlanError: neither films nor pictures are written with the suffix of PATH.
    """
    folder = Path(out)
    if len(files) == 1 and not out.endswith("/") and not folder.is_dir():
        if folder.suffix.lower() not in PICTURES + FILMS and folder.name != files[0].name:
            raise OutputPlanError(f"{out} ends with none of {', '.join(PICTURES + FILMS)}")
        return {files[0]: folder}
    return {file: folder / file.name for file in files}


def possible_places(out: Path) -> tuple[Path, ...]:
    """Give the files that a planned annotation may be written to, as far as its name tells."""
    if out.suffix.lower() in PICTURES + FILMS:
        return (out,)
    return out.with_name(f"{out.name}{PICTURES[0]}"), out.with_name(f"{out.name}{FILMS[0]}")


def require_drawable(file: Path, out: Path) -> None:
    """Refuse what cannot be drawn into, as far as the file's first bytes tell.

    Args:
        file: to be analysed; whether it can be is not looked at here.
        out: the planned annotation.

    Raises:
        RefusedError: a sound, or a picture as a film or the other way round.
    """
    from gateway.media.signatures import identify  # noqa: PLC0415 - see `require_parts`

    try:
        with file.open("rb") as opened:
            container = identify(opened)
    except (OSError, Problem):
        return
    if container.never_film:
        kind = MediaKind.PICTURE if container.demuxer is None else MediaKind.SOUND
    else:
        # Or a sound, as decoding will tell.
        kind = MediaKind.FILM
    _place_for(kind, file, out)


async def annotate(file: Path, analysis: Analysis, out: Path, progress: ProgressView) -> Path:
    """Write the annotated file; give its path.

    Args:
        file: what was analysed.
        analysis: with frames and moments.
        out: to be written; folders are made as needed.
        progress: told how far the film is drawn.

    Raises:
        RefusedError: it cannot be drawn into, read or written.
    """
    out = _place_for(analysis.media.kind, file, out)
    stop = threading.Event()
    try:
        await asyncio.to_thread(_write, file, analysis, out, progress, stop)
    finally:
        # Whoever waited may have gone: the thread is not to go on without it.
        stop.set()
    return out


def _place_for(kind: MediaKind, file: Path, out: Path) -> Path:
    """Give what is written: `out`, with another suffix where it is only the file's own name."""
    if kind is MediaKind.SOUND:
        raise RefusedError("Nothing to draw into", "A sound has no picture.", "Leave out --annotate.")
    known = PICTURES if kind is MediaKind.PICTURE else FILMS
    if out.suffix.lower() in known:
        return out
    if out.name != file.name:
        raise RefusedError(
            "Unknown suffix",
            f"An annotated {kind} cannot be written as {out.suffix or out.name}.",
            f"Use one of {', '.join(known)}.",
        )
    return out.with_name(f"{out.name}{known[0]}")


def _write(file: Path, analysis: Analysis, out: Path, progress: ProgressView, stop: threading.Event) -> None:
    import av  # noqa: PLC0415 - see `require_parts`

    total = analysis.media.seconds
    try:
        if out.exists() and out.samefile(file):
            raise RefusedError("File error", f"{out} is the file itself.", "Name another file to write.")
        with completed_file(out) as part:
            if analysis.media.kind is MediaKind.PICTURE:
                _draw_picture(file, analysis, part)
            else:
                _draw_film(file, analysis, part, drawn=lambda at: progress.drawn(at, total), stop=stop)
    except av.FFmpegError as error:
        # It names the file; where that is not the one it reads, it is the one it writes.
        if isinstance(error, OSError) and error.filename not in {None, str(file.absolute())}:
            raise RefusedError.of_os_error(error, output=out) from error
        raise RefusedError("Film error", f"{error.strerror}.", "Check that the file plays.") from error
    except Problem as problem:
        raise RefusedError.of_problem(problem) from problem
    except OSError as error:
        raise RefusedError.of_os_error(error, output=out) from error


def _draw_picture(file: Path, analysis: Analysis, out: Path) -> None:
    from cli.overlay import FaceTracks, draw_faces  # noqa: PLC0415 - see `require_parts`
    from gateway.media.limits import MediaLimits  # noqa: PLC0415 - as above
    from gateway.media.pictures import Picture  # noqa: PLC0415 - as above
    from gateway.media.signatures import identify  # noqa: PLC0415 - as above

    # Whoever analysed it has held it against limits.
    most = sys.maxsize
    limits = MediaLimits(max_picture_pixels=most, max_picture_scans=most, max_side=most)
    with file.open("rb") as opened:
        image = Picture(opened, identify(opened), limits).upright(longest=most)
    for frame in (analysis.frames or ())[:1]:
        draw_faces(image, FaceTracks(analysis).at(frame.t))
    profile = image.info.get("icc_profile") or b""
    # A profile of other colours (bytes 16 to 19, ICC.1) does not fit what is red, green and blue now.
    image.save(out, icc_profile=profile if profile[16:20] == b"RGB " else None)


def _draw_film(
    file: Path,
    analysis: Analysis,
    out: Path,
    *,
    drawn: Callable[[float], None],
    stop: threading.Event,
) -> None:
    from cli.annotated_film import annotate_film  # noqa: PLC0415 - see `require_parts`

    annotate_film(file, analysis, out, drawn=drawn, stop=stop)
