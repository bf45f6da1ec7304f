"""On which cores a program runs: for machines whose other cores are busy with something else."""

import os


def use_core(core: int | None) -> None:
    """Let this process and all that it starts run on one core only; None leaves it as it is."""
    if core is not None:
        os.sched_setaffinity(0, {core})
