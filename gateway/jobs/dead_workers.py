"""The jobs of workers that died are queued again by those that live."""

import logging
import time
from collections.abc import Iterable

from dbos import DBOS

from gateway.jobs.slots import Slots

_log = logging.getLogger(__name__)

_PREFIX = "worker-"
# Every worker asks so often whether its lock is its own; the jobs of one that lost it wait for twice as long.
_ROUNDS_BEFORE_RESCUE = 2


def worker_name(slot: int) -> str:
    """Give the name under which the bearer of a slot works."""
    return f"{_PREFIX}{slot}"


class DeadWorkers:
    """Finds out which workers are dead, by their locks, and takes over what they left.

    Args:
        slots: the locks.
        own_slot: the slot of the worker in this process.
        rescue_seconds: how often `rescue` is called.
    """

    def __init__(self, slots: Slots, own_slot: int, rescue_seconds: float) -> None:
        self._slots = slots
        self._own_slot = own_slot
        self._rescue_seconds = rescue_seconds
        # Slots whose locks are ours, and since when.
        self._inherited: dict[int, float] = {}

    def rescue(self, at_work: Iterable[str]) -> None:
        """Queue again what the dead among some workers, by name, were working on."""
        for name in at_work:
            number = name.removeprefix(_PREFIX)
            if not number.isdigit() or int(number) == self._own_slot or not self._inherits(int(number)):
                continue
            # Its lock is ours, so its bearer is dead and nobody can take the name meanwhile.
            try:
                # No public call does it by worker: `resume_workflow` forgets how often a job has ended its
                # worker, so that one that always does would be tried for ever.
                DBOS._recover_pending_workflows([name])  # noqa: SLF001 - see above
                _log.warning("jobs of a dead worker are queued again", extra={"fields": {"name": name}})
            finally:
                self._slots.give_back(int(number))
                del self._inherited[int(number)]

    def _inherits(self, slot: int) -> bool:
        """Take the lock of another worker; True once it is certain that nobody works under it any more.

        One that has lost its lock goes on until it looks after it, and a job must not run twice at once.
        """
        if slot not in self._inherited:
            if not self._slots.take(slot):
                return False
            self._inherited[slot] = time.monotonic()
        wait = _ROUNDS_BEFORE_RESCUE * self._rescue_seconds if self._slots.may_be_lost else 0.0
        return time.monotonic() - self._inherited[slot] >= wait
