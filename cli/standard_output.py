"""Standard output, which may not take what is written to it."""

import contextlib
from collections.abc import Iterator


class OutputLostError(Exception):
    """What was found out cannot be told: the disk behind standard output is full, or the like."""


@contextlib.contextmanager
def standard_output() -> Iterator[None]:
    """Write inside; it has arrived when the block is left.

    Raises:
        OutputLostError: it cannot be written.
        BrokenPipeError: whoever read it has enough; typer ends without a word.
    """
    try:
        yield
        print(end="", flush=True)  # noqa: T201 - unlike `flush`, it goes where standard output is closed
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputLostError(f"Cannot write to standard output: {error.strerror}.") from error
