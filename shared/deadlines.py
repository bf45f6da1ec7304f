"""One deadline over everything that is done for a request; it travels with each inner call."""

import re
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Self

from shared.contracts.problems import Problem

HEADER = "x-deadline-ms"


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time, on the monotonic clock of this process.

    Args:
        at: seconds, as `time.monotonic()` counts.
    """

    at: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """Make the deadline that lies so many seconds ahead."""
        return cls(time.monotonic() + seconds)

    @classmethod
    def from_header(cls, value: str) -> Self:
        """Read `X-Deadline-Ms`: whole milliseconds that remain to the caller.

        Raises:
            Problem: `bad-parameter` when it is not a whole number of 0..86,400,000.
        """
        if not re.fullmatch("[0-9]{1,8}", value) or int(value) > 86_400_000:
            raise Problem(
                "bad-parameter",
                "X-Deadline-Ms must be a whole number of milliseconds from 0 to 86400000.",
                field="X-Deadline-Ms",
            )
        return cls.after(int(value) / 1000)

    def remaining(self) -> float:
        """Give the seconds left; 0 or less when it has passed."""
        return self.at - time.monotonic()

    def header(self) -> str:
        """Give the value of `X-Deadline-Ms` for a call made now."""
        return str(max(0, int(self.remaining() * 1000)))

    def check(self) -> None:
        """Do nothing while there is time.

        Raises:
            Problem: `deadline-exceeded` once it has passed.
        """
        if self.remaining() <= 0:
            raise Problem("deadline-exceeded", "The time allowed for this request is over.")


current_deadline: ContextVar[Deadline | None] = ContextVar("current_deadline", default=None)
