"""Rows of values as CSV text (RFC 4180), as spreadsheets and pandas read it."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

Cell = str | int | float | None

# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Give the header, then each row, as a line that ends with CR LF; None is an empty cell.

    A text that a spreadsheet would run as a formula gets an apostrophe before it. Numbers stay as they are.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, dialect="excel")
    writer.writerow(header)
    for row in rows:
        yield _take(buffer)
        writer.writerow([_safe(cell) for cell in row])
    yield _take(buffer)


def _safe(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def _take(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
