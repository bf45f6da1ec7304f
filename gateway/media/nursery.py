"""A process with the decoders loaded, which forks one child for each upload and buries it.

A fork takes two or three milliseconds, where a start takes half a second, and no child sees anything of
another's upload. Once no upload has been decoded for a moment, one child is forked ahead (`spare.py`). The
nursery has one thread, never reads an upload itself, and ends, with all its children, when the gateway does.
"""

import contextlib
import gc
import os
import resource
import selectors
import signal
import socket
import sys
from collections.abc import Iterator

from gateway.media import sandbox
from gateway.media.control import ORDERS, Decode, Ended, Kill, Ready, Receiver, Started, send
from gateway.media.spare import SpareChild, wait_for_order
from gateway.media.warm_up import rehearse, warm_up
from gateway.media.worker import decode_shut_in
from shared.priority import give_way

# Under load, when one decoding follows the other, a spare child would only cost more.
_REST_SECONDS = 0.01


class Nursery:
    """Carries out orders from a channel until it closes."""

    def __init__(self, channel: socket.socket, measures: sandbox.Measures) -> None:
        self._channel = channel
        self._receiver = Receiver(channel)
        self._measures = measures
        self._base_bytes = sandbox.own_address_space()
        self._children: dict[int, int] = {}
        self._with_uploads: set[int] = set()
        self._spare: SpareChild | None = None
        self._wants_spare = True
        self._pid = os.getpid()
        self._wake_reader, self._wake_writer = socket.socketpair()

    def run(self) -> None:
        """Serve until the gateway closes the channel, then end every child."""
        self._watch_children()
        send(self._channel, Ready(measures=self._measures))
        with selectors.DefaultSelector() as selector, contextlib.suppress(ConnectionError):
            selector.register(self._channel, selectors.EVENT_READ)
            selector.register(self._wake_reader, selectors.EVENT_READ)
            while self._serve({key.fileobj for key, _ in selector.select(self._patience())}):
                pass
        # Nobody listens to the deaths that follow, and the socket that tells of them goes first.
        signal.set_wakeup_fd(-1)
        for pid in self._children:
            _kill(pid)
        if self._spare is not None:
            _kill(self._spare.pid)

    def _watch_children(self) -> None:
        for end in (self._wake_reader, self._wake_writer):
            end.setblocking(False)  # noqa: FBT003 - a standard method
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)

    def _patience(self) -> float | None:
        return _REST_SECONDS if self._wants_spare and not self._with_uploads else None

    def _serve(self, ready: set[object]) -> bool:
        if not ready:
            self._prepare()
        if self._wake_reader in ready:
            with contextlib.suppress(BlockingIOError):
                self._wake_reader.recv(4096)
        self._bury()
        if self._channel in ready:
            documents = self._receiver.receive()
            if documents is None:
                return False
            for document in documents:
                order = ORDERS.validate_python(document)
                if isinstance(order, Decode):
                    self._start(order)
                else:
                    self._end(order)
        return True

    def _prepare(self) -> None:
        self._wants_spare = False
        self._spare = SpareChild.fork(self._be_spare)

    def _start(self, order: Decode) -> None:
        upload, output = self._receiver.take_descriptors(2)
        pid = self._give_to_spare(order, upload, output) or self._fork(order, upload, output)
        os.close(upload)
        os.close(output)
        if pid is None:
            send(self._channel, Ended(id=order.id, exit_status=None, usage=None))
            return
        self._children[pid] = order.id
        if order.options.unended is None:
            self._with_uploads.add(pid)
        else:
            # It may go on for an hour, and uploads come meanwhile.
            self._wants_spare = True
        send(self._channel, Started(id=order.id, pid=pid))

    def _give_to_spare(self, order: Decode, upload: int, output: int) -> int | None:
        spare, self._spare = self._spare, None
        return spare.pid if spare is not None and spare.give(order, upload, output) else None

    def _fork(self, order: Decode, upload: int, output: int) -> int | None:
        try:
            pid = os.fork()
        except OSError:
            return None
        if pid == 0:
            with _child():
                self._decode(order, upload, output)
        return pid

    def _be_spare(self, channel: socket.socket) -> None:
        with _child():
            sandbox.keep_only(channel.detach())
            with socket.socket(fileno=sandbox.FIRST_FD) as kept:
                rehearse()
                given = wait_for_order(kept)
            if given is not None:
                self._decode(*given)

    def _decode(self, order: Decode, upload: int, output: int) -> None:
        sandbox.name_process("decoder")
        sandbox.keep_only(upload, output)
        decode_shut_in(
            order.limits, order.options, self._measures, parent=self._pid, base_bytes=self._base_bytes
        )

    def _end(self, order: Kill) -> None:
        for pid, identity in self._children.items():
            if identity == order.id:
                _kill(pid)

    def _bury(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (gone := os.wait4(-1, os.WNOHANG))[0]:
                self._report(*gone)

    def _report(self, pid: int, status: int, usage: resource.struct_rusage) -> None:
        identity = self._children.pop(pid, None)
        self._with_uploads.discard(pid)
        if identity is not None:
            exit_status = os.waitstatus_to_exitcode(status)
            usage_so_far = sandbox.Usage.from_rusage(usage)
            send(self._channel, Ended(id=identity, exit_status=exit_status, usage=usage_so_far))
            self._wants_spare = self._spare is None
        elif self._spare is not None and self._spare.pid == pid:
            # Somebody has killed it. The next one comes after the next decoding, lest they come without end.
            self._spare.forget()
            self._spare = None


@contextlib.contextmanager
def _child() -> Iterator[None]:
    """Live as a child from here on, and end with the block."""
    status = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        gc.enable()
        yield
        status = 0
    finally:
        # Not through the interpreter's own end: this is a copy of the nursery, not the nursery.
        os._exit(status)


def _kill(pid: int) -> None:
    """Kill a child that is not buried yet, so that its number is still its own, and its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Run the nursery on the channel whose descriptor is the only argument."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    give_way()
    # A child has this name too, until it is at work.
    sandbox.name_process("decoders")
    measures = sandbox.available_measures(no_network=sandbox.leave_network())
    # It ends with its channel; one that is stopped (SIGSTOP) would not notice.
    sandbox.die_with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warm_up()
    # What is loaded is shared with the children for as long as nobody writes to it; the collector would.
    gc.collect()
    gc.freeze()
    gc.disable()
    Nursery(channel, measures).run()


if __name__ == "__main__":
    main()
