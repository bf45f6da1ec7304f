"""Which format a client wants: by its `Accept` header (RFC 9110, section 12.5.1), or by a suffix."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message

from gateway.exports.format import ExportFormat
from gateway.exports.formats import BY_NAME, FORMATS
from shared.contracts.analyses import Detail
from shared.contracts.problems import Problem

JSON_TYPE = "application/json"
# What `Accept` may add to a type without meaning another format.
_INDIFFERENT = frozenset({"q", "charset", "header"})
_MOST_RANGES = 50
# Reading one takes the square of its length; no client's is a quarter as long.
_LONGEST_RANGE = 256
_PART = re.compile(r'(?:[^,"]|"[^"]*"?)+')


@dataclass(frozen=True, slots=True)
class _Range:
    """One part of an `Accept` header."""

    kind: str
    subtype: str
    parameters: tuple[tuple[str, str], ...]
    quality: float

    def fit(self, offered: "_Range") -> int:
        """Tell how closely this names what is offered: -1 not at all, more for less of a wildcard."""
        if self.kind not in {"*", offered.kind} or self.subtype not in {"*", offered.subtype}:
            return -1
        if not set(self.parameters) <= set(offered.parameters):
            return -1
        return (self.kind != "*") + (self.subtype != "*") + len(self.parameters)


def wanted_format(accept: str | None) -> ExportFormat | None:
    """Give the format that `Accept` likes best; None for JSON, which is what a client without wishes gets.

    Among equals JSON comes first, then the order of the table. Parts that are no media range are passed over.

    Raises:
        Problem: `not-acceptable`, with everything that there is.
    """
    if accept is None or not accept.strip():
        return None
    ranges = [one for part in _split(accept)[:_MOST_RANGES] if (one := _read(part)) is not None]
    best: tuple[float, ExportFormat | None] = (0.0, None)
    offers: list[tuple[str, ExportFormat | None]] = [(JSON_TYPE, None)]
    offers += [(name, one) for one in FORMATS for name in (one.media_type, *one.also)]
    for media_type, export in offers:
        quality = _quality(media_type, ranges)
        if quality > best[0]:
            best = (quality, export)
    if best[0] == 0:
        what = "Nothing that the Accept header allows can be made of an analysis."
        raise _not_acceptable(what, "Accept", Detail.FRAMES)
    return best[1]


def format_of_suffix(suffix: str) -> ExportFormat:
    """Give the format of a file suffix, without its first dot.

    Raises:
        Problem: `not-found`, with everything that there is.
    """
    export = BY_NAME.get(suffix)
    if export is None:
        known = ", ".join(f".{name}" for name in BY_NAME)
        raise Problem(
            "not-found",
            f"An analysis cannot be had as .{suffix[:20]}.",
            remedy=f"Ask for one of {known}, or for JSON without a suffix.",
            field="suffix",
        )
    return export


def require_writable(export: ExportFormat, detail: Detail) -> None:
    """Refuse a format that needs more than an analysis of this detail holds.

    Raises:
        Problem: `not-acceptable`, which names the `detail` that it needs, and what can be had without.
    """
    if not export.is_within(detail):
        what = f"{export.media_type} needs an analysis with detail={export.needs}."
        raise _not_acceptable(what, "detail", detail, remedy=f"Analyse with detail={export.needs}, or accept")


def _not_acceptable(what: str, field: str, has: Detail, *, remedy: str = "Accept") -> Problem:
    """Give the problem of a format that cannot be had; it lists what can."""
    available = [JSON_TYPE, *(export.media_type for export in FORMATS if export.is_within(has))]
    return Problem(
        "not-acceptable",
        what,
        remedy=f"{remedy} one of {', '.join(available)}.",
        field=field,
        extra={"available": available},
    )


def _quality(media_type: str, ranges: Sequence[_Range]) -> float:
    """Give the quality (0..1) of the range that names the type most closely."""
    offered = _read(media_type)
    assert offered is not None  # noqa: S101 - the table's types are media types
    fits = [(one.fit(offered), one.quality) for one in ranges]
    return max((fit for fit in fits if fit[0] >= 0), default=(0, 0.0))[1]


def _read(text: str) -> _Range | None:
    """Read `type/subtype; name=value; q=0.5`; None for anything else."""
    if len(text) > _LONGEST_RANGE:
        return None
    message = Message()
    message["content-type"] = "".join(letter for letter in text if letter.isprintable())
    (name, _), *rest = message.get_params(failobj=[("", "")])
    kind, slash, subtype = name.strip().lower().partition("/")
    if not (kind and slash and subtype) or (kind == "*" and subtype != "*"):
        return None
    parameters = {key.lower(): str(value).lower() for key, value in rest}
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError:
        return None
    if not 0 <= quality <= 1:
        return None
    others = ((key, value) for key, value in parameters.items() if key not in _INDIFFERENT)
    return _Range(kind, subtype, tuple(sorted(others)), quality)


def _split(header: str) -> list[str]:
    """Split at commas that are not inside quotes."""
    return [stripped for part in _PART.findall(header) if (stripped := part.strip())]
