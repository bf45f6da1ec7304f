"""Who waits when the cores are short: what computes, not what answers."""

import os

NICENESS = 5


def give_way() -> None:
    """Put this process, and all that it starts, behind those that answer people (nice(2), by NICENESS).

    A process of another container is not behind: there the weights of the containers count.
    """
    os.nice(NICENESS)
