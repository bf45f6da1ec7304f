"""SIGTERM and SIGHUP end a command as Ctrl-C does: what is half done is cleared away."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
# As shells count: 128 and the signal's number.
_BY_SIGNAL = 128


class SignalledError(KeyboardInterrupt):
    """The process was told to end.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextlib.contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Raise `SignalledError` where a signal finds the main thread, as Python does at Ctrl-C.

    What the caller has ignored stays ignored: nohup does so with SIGHUP.
    """
    ours = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def exit_status(interruption: KeyboardInterrupt) -> int:
    """Give what a process ends with that was interrupted."""
    number = interruption.number if isinstance(interruption, SignalledError) else signal.SIGINT
    return _BY_SIGNAL + number


def _raise(number: int, _frame: FrameType | None) -> None:
    raise SignalledError(number)
