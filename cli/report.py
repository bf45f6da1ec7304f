"""An analysis as a person reads it in a terminal; whole without colours, too."""

import math
from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.glyphs import Glyphs, glyphs_for
from cli.timeline import Timeline, lay_out
from cli.wording import clock, describe_media, percent, printable
from shared.contracts.analyses import Analysis, Status
from shared.contracts.emotions import EMOTIONS, Emotion, Judgement
from shared.contracts.fusion import Person
from shared.contracts.media import MediaKind

_COLOURS = {
    Emotion.NEUTRAL: "white",
    Emotion.HAPPINESS: "yellow",
    Emotion.SADNESS: "blue",
    Emotion.ANGER: "red",
    Emotion.FEAR: "magenta",
    Emotion.DISGUST: "green",
    Emotion.SURPRISE: "cyan",
}
_NAME_WIDTH = max(len(emotion) for emotion in EMOTIONS)
_BAR_CELLS = 24
_MOST_PEOPLE = 8
_WIDEST = 100


def print_report(
    console: Console, name: str, analysis: Analysis, *, start: float | None = None, end: float | None = None
) -> None:
    """Print an analysis.

    Args:
        console: where to; its width, colours and characters are kept to.
        name: of the file.
        analysis: what came back for it.
        start: seconds that it was asked to begin at, if any.
        end: seconds that it was asked to stop at, if any.
    """
    glyphs = glyphs_for(console)
    width = min(console.width, _WIDEST)
    sections = (
        (Text(describe_media(analysis.media), "dim"), _verdict(analysis)),
        tuple(_scores(analysis, glyphs)),
        tuple(_people(analysis)),
        tuple(_timeline(analysis, glyphs, width)),
        (*_notices(analysis), _origin(analysis, start or 0.0, end)),
    )
    console.print(Text(printable(name), "bold"))
    for at, section in enumerate(filter(None, sections)):
        if at:
            console.print()
        for part in section:
            console.print(Padding.indent(part, 2))


def _verdict(analysis: Analysis) -> Text:
    verdict = analysis.emotion
    if verdict is None:
        return Text(_why_no_verdict(analysis), "yellow")
    line = _judgement(verdict, strong=True)
    if analysis.face is not None and analysis.speech is not None:
        weights = verdict.weights
        line.append(f", from the face ({percent(weights.face)}) and speech ({percent(weights.speech)})")
    else:
        line.append(", from the face alone" if analysis.face is not None else ", from speech alone")
    return line


def _why_no_verdict(analysis: Analysis) -> str:
    # Only a strategy that counts one modality alone gives no verdict where there is a reading.
    if analysis.speech is not None:
        return "No fused emotion: the strategy face counts nothing but the face, and none was read."
    if analysis.face is not None:
        return "No fused emotion: the strategy speech counts nothing but speech, and none was read."
    return "Nothing could be read: there is neither a face nor speech to read from."


def _judgement(judgement: Judgement, *, strong: bool = False) -> Text:
    colour = _COLOURS[judgement.label]
    text = Text.assemble(
        (judgement.label.value, f"bold {colour}" if strong else colour), f" {percent(judgement.confidence)}"
    )
    return text.append(" (uncertain)", "yellow") if judgement.uncertain else text


def _scores(analysis: Analysis, glyphs: Glyphs) -> Iterator[RenderableType]:
    """Give a table of all scores, a column for each reading that there is, and a bar for the first."""
    titled: tuple[tuple[str, Judgement | None], ...] = (
        ("fused", analysis.emotion),
        ("face", analysis.face),
        ("speech", analysis.speech),
    )
    shown = [(title, judgement.scores.values()) for title, judgement in titled if judgement is not None]
    if not shown:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("", width=_NAME_WIDTH)
    table.add_column("", width=_BAR_CELLS)
    for title, _ in shown:
        table.add_column(title, justify="right")
    for at, emotion in enumerate(EMOTIONS):
        scores = [values[at] for _, values in shown]
        bar = Text(glyphs.draw_bar(scores[0], _BAR_CELLS), _COLOURS[emotion])
        table.add_row(emotion.value, bar, *map(percent, scores))
    yield table
    yield from _readings(analysis)


def _readings(analysis: Analysis) -> Iterator[Text]:
    """Say how much there was to read from."""
    if (face := analysis.face) is not None:
        line = Text.assemble(("face    ", "dim"), _judgement(face))
        if analysis.media.kind is MediaKind.FILM:
            line.append(f", seen in {percent(face.coverage)} of the frames")
        yield line
    if (speech := analysis.speech) is not None:
        line = Text.assemble(("speech  ", "dim"), _judgement(speech), f", {speech.seconds:.1f} s of it")
        if speech.snr_db is not None:
            line.append(f", {speech.snr_db:.0f} dB above the pauses")
        if speech.baseline is not None:
            line.append(f", leaning on what is usual for it ({speech.baseline.readings:.0f} segments)")
        yield line


def _people(analysis: Analysis) -> Iterator[RenderableType]:
    if not analysis.people:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("person", justify="right")
    table.add_column("shows")
    if analysis.media.kind is MediaKind.FILM:
        table.add_column("seen")
        table.add_column("frames", justify="right")
    for person in analysis.people[:_MOST_PEOPLE]:
        table.add_row(*_person(person, analysis.media.kind))
    yield table
    if (more := len(analysis.people) - _MOST_PEOPLE) > 0:
        yield Text(f"and {more} more", "dim")


def _person(person: Person, kind: MediaKind) -> list[RenderableType]:
    cells: list[RenderableType] = [str(person.id), _judgement(person)]
    if kind is MediaKind.FILM:
        cells += [f"{clock(person.first_seen)} to {clock(person.last_seen)}", str(person.frames)]
    return cells


def _timeline(analysis: Analysis, glyphs: Glyphs, width: int) -> Iterator[RenderableType]:
    moments = analysis.moments
    if not moments or analysis.media.kind is MediaKind.PICTURE:
        return
    timeline = lay_out(moments, max(10, width - _NAME_WIDTH - 6))
    yield _ruler(timeline)
    for emotion in timeline.curves_worth_showing():
        cells = timeline.curve(emotion)
        drawn = "".join(" " if share is None else glyphs.draw_point(share) for share in cells)
        yield _row(emotion.value, Text(drawn, _COLOURS[emotion]))
    for title, present in (("face", timeline.face), ("speech", timeline.speech)):
        if present.any():
            yield _row(title, Text("".join(glyphs.present if there else " " for there in present), "dim"))


def _ruler(timeline: Timeline) -> Text:
    left, right = clock(timeline.start), clock(timeline.end)
    gap = max(1, len(timeline.face) - len(left) - len(right))
    return Text(" " * (_NAME_WIDTH + 2) + left + " " * gap + right, "dim")


def _row(title: str, cells: Text) -> Text:
    return Text.assemble((f"{title:<{_NAME_WIDTH}}  ", "dim"), cells, no_wrap=True)


def _notices(analysis: Analysis) -> Iterator[Text]:
    for notice in analysis.notices:
        style = "yellow" if analysis.status is Status.PARTIAL else ""
        yield Text(f"note: {printable(notice.message)}", style)


def _origin(analysis: Analysis, start: float, end: float | None) -> Text:
    """Say which networks spoke and how long it took."""
    models = analysis.models
    names = ", ".join(name for name in (models.face, models.speech, models.fusion) if name is not None)
    seconds = analysis.timings_ms.total / 1000
    text = f"{names}; {seconds:.2f} s"
    if analysis.media.seconds and seconds:
        length = min(analysis.media.seconds, math.inf if end is None else end) - start
        text += f", {length / seconds:.1f} x real time"
    return Text(text, "dim")
