"""The CPU budget of this machine, split between the services."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ThreadSplit:
    """Inference threads of each service.

    Args:
        face: the most work: several frames for each second of film.
        speech: less.
        fusion: plain arithmetic.
    """

    face: int
    speech: int
    fusion: int = 1


def split_threads(cpus: int) -> ThreadSplit:
    """Split a budget of 1 or more CPUs.

    The sum is more than the budget on purpose: faces may take every CPU while nobody speaks, the voice half
    of them. Inference threads never spin, so the kernel shares the CPUs out when both are busy; what is
    bounded is how many compete.
    """
    return ThreadSplit(face=cpus, speech=max(1, cpus // 2))
