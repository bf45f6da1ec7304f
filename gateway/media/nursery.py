"""A process with the decoders loaded, which forks one child for each upload and buries it.

A fork takes two or three milliseconds, where a start takes half a second, and no child sees anything of
another's upload. The nursery has one thread, never reads an upload itself, and ends, with all its children,
when the gateway does.
"""

import contextlib
import gc
import os
import resource
import selectors
import signal
import socket
import sys

from gateway.media import sandbox
from gateway.media.control import ORDERS, Decode, Ended, Kill, Ready, Receiver, Started, send
from gateway.media.warm_up import warm_up
from gateway.media.worker import decode_shut_in


class Nursery:
    """Carries out orders from a channel until it closes."""

    def __init__(self, channel: socket.socket, measures: sandbox.Measures) -> None:
        self._channel = channel
        self._receiver = Receiver(channel)
        self._measures = measures
        self._base_bytes = sandbox.own_address_space()
        self._children: dict[int, int] = {}
        self._wake_reader, self._wake_writer = socket.socketpair()

    def run(self) -> None:
        """Serve until the gateway closes the channel, then end every child."""
        self._watch_children()
        send(self._channel, Ready(measures=self._measures))
        with selectors.DefaultSelector() as selector, contextlib.suppress(ConnectionError):
            selector.register(self._channel, selectors.EVENT_READ)
            selector.register(self._wake_reader, selectors.EVENT_READ)
            while self._serve({key.fileobj for key, _ in selector.select()}):
                pass
        for pid in self._children:
            _kill(pid)

    def _watch_children(self) -> None:
        for end in (self._wake_reader, self._wake_writer):
            end.setblocking(False)  # noqa: FBT003 - a standard method
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)

    def _serve(self, ready: set[object]) -> bool:
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

    def _start(self, order: Decode) -> None:
        upload, output = self._receiver.take_descriptors(2)
        parent = os.getpid()
        pid: int | None
        try:
            pid = os.fork()
        except OSError:
            pid = None
        if pid == 0:
            self._be_child(order, upload, output, parent)
        os.close(upload)
        os.close(output)
        if pid is None:
            send(self._channel, Ended(id=order.id, exit_status=None, usage=None))
            return
        self._children[pid] = order.id
        send(self._channel, Started(id=order.id, pid=pid))

    def _be_child(self, order: Decode, upload: int, output: int, parent: int) -> None:
        status = 1
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            gc.enable()
            sandbox.keep_only(upload, output)
            decode_shut_in(
                order.limits, order.options, self._measures, parent=parent, base_bytes=self._base_bytes
            )
            status = 0
        finally:
            # Not through the interpreter's own end: this is a copy of the nursery, not the nursery.
            os._exit(status)

    def _end(self, order: Kill) -> None:
        for pid, identity in self._children.items():
            if identity == order.id:
                _kill(pid)

    def _bury(self) -> None:
        while self._children:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            ended = Ended(
                id=self._children.pop(pid),
                exit_status=os.waitstatus_to_exitcode(status),
                usage=sandbox.Usage.from_rusage(usage),
            )
            send(self._channel, ended)


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
    measures = sandbox.available_measures(no_network=sandbox.leave_network())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warm_up()
    # What is loaded is shared with the children for as long as nobody writes to it; the collector would.
    gc.collect()
    gc.freeze()
    gc.disable()
    Nursery(channel, measures).run()


if __name__ == "__main__":
    main()
