"""JSON Lines: one object a line, so that a long film can be read without holding it all."""

from collections.abc import Iterable, Iterator

from gateway.exports.format import ExportFormat
from shared.contracts.analyses import Analysis, Detail
from shared.contracts.base import Contract

_LISTS = ("people", "moments", "segments", "frames")


def write_lines(analysis: Analysis) -> Iterator[str]:
    """Give a line for the analysis without its lists, then one for each person, moment, segment and frame.

    Each line names its kind in `record`; the rest is the part of the analysis as it is in its JSON.
    """
    yield _line("analysis", analysis, exclude=frozenset(_LISTS))
    records: tuple[tuple[str, Iterable[Contract] | None], ...] = (
        ("person", analysis.people),
        ("moment", analysis.moments),
        ("segment", analysis.segments),
        ("frame", analysis.frames),
    )
    for record, parts in records:
        for part in parts or ():
            yield _line(record, part)


def _line(record: str, part: Contract, *, exclude: frozenset[str] = frozenset()) -> str:
    return f'{{"record":"{record}",{part.model_dump_json(exclude=set(exclude))[1:]}\n'


JSON_LINES = ExportFormat(
    name="jsonl",
    media_type="application/jsonl",
    parameters="",
    also=("application/x-ndjson", "application/x-jsonlines"),
    summary="One JSON object a line: the analysis, its people, moments, segments and frames.",
    needs=Detail.SUMMARY,
    write=write_lines,
)
