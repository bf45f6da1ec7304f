"""One child process: in a session of its own, never longer alive than its parent, ended with its group."""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence

STDERR = 2
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class ChildProcess:
    """Starts at once. Its standard output goes to our standard error, where logs belong.

    The kernel kills it when this process dies, however this process dies (prctl(2), PR_SET_PDEATHSIG). A
    session of its own keeps the terminal's Ctrl-C away from it: it stops when it is told to, in the order we
    want.

    Args:
        command: program and arguments.
        environment: the whole environment.
        listener: a socket that it inherits, under the same number.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], listener: socket.socket
    ) -> None:
        parent = os.getpid()
        self._process = subprocess.Popen(  # waited for in `collect`
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=STDERR,
            pass_fds=(listener.fileno(),),
            start_new_session=True,
            preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509 - two system calls, no lock taken
        )
        self.pid = self._process.pid
        self._ended = asyncio.Event()

    @property
    def exit_status(self) -> int | None:
        """Exit status once it has ended and was collected, negative for a signal; else None."""
        return self._process.returncode

    def collect(self) -> None:
        """Take note if it has ended; then end what is left of its group and leave no zombie."""
        if self._ended.is_set() or not _has_ended(self.pid):
            return
        # Before the leader is waited for, its group's number cannot belong to anybody else.
        self.send(signal.SIGKILL)
        self._process.wait()
        self._ended.set()

    async def wait(self) -> int:
        """Wait until `collect` has seen its end; give the exit status."""
        await self._ended.wait()
        return self._process.returncode

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its group; nothing happens when it has ended."""
        if not self._ended.is_set():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def stop(self, *, patience: float) -> None:
        """Ask it to stop (SIGTERM); kill it when it has not within `patience` seconds."""
        # A stopped process (SIGSTOP) would not see the request.
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)
        try:
            async with asyncio.timeout(patience):
                await self.wait()
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self.wait()


def _die_with(parent: int) -> None:
    """Run in the child before the program: die when the parent does, even if it did just now."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _has_ended(pid: int) -> bool:
    """Tell whether our child has ended, without taking its exit status."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
