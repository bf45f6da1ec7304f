"""Points in time as the formats write them."""

import contextlib
from datetime import UTC, datetime

from ulid import ULID

_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(seconds: float) -> int:
    """Give seconds as whole milliseconds."""
    return round(seconds * 1000)


def made_at(identifier: str) -> datetime:
    """Give the time (UTC) inside the id of an analysis, `an_` and a ULID; 1970 where it has none."""
    with contextlib.suppress(ValueError):
        return ULID.from_str(identifier.removeprefix("an_")).datetime
    return _UNKNOWN
