"""Shutting a process in before it touches what somebody uploaded.

Where a kernel refuses a measure the process goes on without it; `Measures` says which hold.
"""

import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from gateway.media import seccomp
from gateway.media.limits import MediaLimits

FIRST_FD = 3
UPLOAD_FD = FIRST_FD
OUTPUT_FD = FIRST_FD + 1

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_NOBODY = 65_534
_ASSUMED_BYTES = 512 << 20


class Measures(BaseModel):
    """Which measures hold on this machine."""

    model_config = ConfigDict(frozen=True)

    no_network: bool
    system_call_filter: bool
    dies_with_parent: bool

    def missing(self) -> tuple[str, ...]:
        """Name the measures that do not hold."""
        return tuple(name for name, holds in self.model_dump().items() if not holds)


class Usage(BaseModel):
    """What a process used: CPU time in milliseconds, and the most memory that it held at once in bytes."""

    model_config = ConfigDict(frozen=True)

    cpu_ms: float
    peak_bytes: int

    @classmethod
    def from_rusage(cls, usage: resource.struct_rusage) -> "Usage":
        """Read what the kernel reports."""
        unit = 1 if sys.platform == "darwin" else 1024
        return cls(cpu_ms=1000 * (usage.ru_utime + usage.ru_stime), peak_bytes=usage.ru_maxrss * unit)


def name_process(name: str) -> None:
    """Give this process a name for `ps` and `top`, of 15 ASCII characters at most."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_NAME, name.encode("ascii"), 0, 0, 0)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies, where it can. A change of user undoes that."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def leave_network() -> bool:
    """Move this process and its children to come into a network of their own without any way out.

    Must run while the process has one thread. False where the kernel does not let it.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "unshare"):
        return False
    return any(libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def available_measures(*, no_network: bool) -> Measures:
    """Tell which measures will hold in a child that calls `shut_in`."""
    return Measures(
        no_network=no_network,
        system_call_filter=seccomp.available(),
        dies_with_parent=sys.platform == "linux",
    )


def own_address_space() -> int:
    """Give the size of this process's address space in bytes."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return _ASSUMED_BYTES
    return pages * resource.getpagesize()


def keep_only(*descriptors: int) -> None:
    """Keep the three standard streams and these descriptors, as 3, 4 and so on; close all others.

    The upload's comes first, then the output's.
    """
    # By way of higher numbers, for each may stand where another belongs.
    above = FIRST_FD + len(descriptors)
    copies = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, above) for descriptor in descriptors]
    for place, copy in enumerate(copies, start=FIRST_FD):
        os.dup2(copy, place, inheritable=False)
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.closerange(above, min(highest, 1 << 16))


def shut_in(limits: MediaLimits, measures: Measures, *, parent: int, base_bytes: int) -> None:
    """Take from this process all that decoding does not need.

    Args:
        limits: CPU time and memory.
        measures: which measures to ask for.
        parent: process id of the parent; if it is gone already, this process ends.
        base_bytes: address space before any media; the memory limit comes on top.
    """
    _drop_root()
    libc = ctypes.CDLL(None)
    if measures.dies_with_parent:
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        # After the change of user, which clears it.
        die_with_parent()
        if os.getppid() != parent:
            os._exit(0)
    _limit(limits, base_bytes)
    if measures.system_call_filter:
        seccomp.confine()


def used_so_far() -> Usage:
    """Give what this process has used."""
    return Usage.from_rusage(resource.getrusage(resource.RUSAGE_SELF))


def raise_cpu_limit(seconds: int) -> None:
    """Allow this process so much CPU time, at most as much as its hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (min(seconds, hard), hard))


def _drop_root() -> None:
    if os.geteuid() != 0:
        return
    # A container may hold root without the right to change users.
    with contextlib.suppress(OSError):
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _limit(limits: MediaLimits, base_bytes: int) -> None:
    memory = base_bytes + limits.memory_bytes
    wanted: Iterable[tuple[int, int, int]] = (
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_CPU, limits.first_cpu_seconds, limits.cpu_seconds + 1),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, OUTPUT_FD + 1, OUTPUT_FD + 1),
        (resource.RLIMIT_NPROC, 0, 0),
    )
    for what, soft, hard in wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (soft, hard))
