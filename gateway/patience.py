"""A client that waits for what cannot come in time is told so early."""

import contextlib
import time
from collections.abc import AsyncGenerator

from shared.contracts.analyses import PipelineEvent, Probed, Progress
from shared.contracts.problems import Problem
from shared.deadlines import current_deadline

# The pace of the first seconds says little, and it may grow.
_LOOK_AFTER_SECONDS = 10.0
_FAR_TOO_LONG = 2.0


async def refuse_in_vain(
    events: AsyncGenerator[PipelineEvent], start: float
) -> AsyncGenerator[PipelineEvent]:
    """Pass events on, as long as their pace lets the last one come before the request's deadline.

    The pace is that since `Probed`: how long a decoder was waited for says nothing about the media.

    Args:
        events: of the pipeline.
        start: where in the media the analysis begins, seconds.

    Raises:
        Problem: `deadline-exceeded`, naming `Prefer: respond-async`, where it would take more than twice the
            time that is left.
    """
    began = time.monotonic()
    async with contextlib.aclosing(events) as stream:
        async for event in stream:
            if isinstance(event, Probed):
                began = time.monotonic()
            elif isinstance(event, Progress):
                _refuse_if_in_vain(event, start, time.monotonic() - began)
            yield event


def _refuse_if_in_vain(progress: Progress, start: float, elapsed: float) -> None:
    deadline = current_deadline.get()
    done = progress.seconds - start
    if deadline is None or progress.of_seconds is None or done <= 0 or elapsed < _LOOK_AFTER_SECONDS:
        return
    needed = elapsed * (progress.of_seconds - progress.seconds) / done
    if needed > _FAR_TOO_LONG * deadline.remaining():
        raise Problem(
            "deadline-exceeded",
            f"At this pace the analysis would take {needed:.0f} seconds more, and this request has "
            f"{max(0.0, deadline.remaining()):.0f} left.",
        )
