"""CSV, a row for each moment: the fused scores, then what the face and the voice said."""

from collections.abc import Iterator

from gateway.exports.format import ExportFormat
from gateway.exports.rows import Cell, csv_lines
from shared.contracts.analyses import Analysis, Detail
from shared.contracts.emotions import EMOTIONS
from shared.contracts.fusion import Reading

_EMOTIONS = tuple(emotion.value for emotion in EMOTIONS)
COLUMNS = (
    *("moment", "start", "end", "label", "confidence", "uncertain", *_EMOTIONS),
    *("face_label", *(f"face_{name}" for name in _EMOTIONS)),
    *("speech_label", *(f"speech_{name}" for name in _EMOTIONS)),
    "input",
)


def write_moments(analysis: Analysis) -> Iterator[str]:
    """Give the table; where a modality said nothing its cells are empty. `input` is the analysis."""
    return csv_lines(COLUMNS, _rows(analysis))


def _rows(analysis: Analysis) -> Iterator[tuple[Cell, ...]]:
    for number, moment in enumerate(analysis.moments or ()):
        yield (
            *(number, moment.start, moment.end),
            *(moment.label.value, moment.confidence, int(moment.uncertain), *moment.scores.values()),
            *_reading(moment.face),
            *_reading(moment.speech),
            analysis.id,
        )


def _reading(reading: Reading | None) -> tuple[Cell, ...]:
    if reading is None:
        return (None,) * (1 + len(_EMOTIONS))
    return (reading.label.value, *reading.scores.values())


MOMENTS_CSV = ExportFormat(
    name="moments.csv",
    media_type="text/csv; table=moments",
    parameters="; charset=utf-8; header=present",
    summary="A row for each moment: fused scores, and what face and voice said.",
    needs=Detail.TIMELINE,
    write=write_moments,
)
