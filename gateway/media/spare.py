"""A child that is forked before its upload comes, so that nobody waits for its first steps.

A fork copies page tables, and a child pays for each page that it touches first: together longer than decoding
a picture of one megapixel. A spare child has paid when its order arrives. It still decodes one upload and
ends: none sees anything of another's.
"""

import contextlib
import os
import socket
from collections.abc import Callable
from typing import Self

from gateway.media.control import Decode, Receiver, send


class SpareChild:
    """The nursery's side of a child that waits for its order.

    Args:
        pid: process id.
        channel: where it waits.
    """

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid = pid
        self._channel = channel

    @classmethod
    def fork(cls, live: Callable[[socket.socket], None]) -> Self | None:
        """Fork; None where the system does not let it.

        Args:
            live: what the child does with its end of the channel; must not return.
        """
        ours, theirs = socket.socketpair()
        try:
            pid = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            return None
        if pid == 0:
            ours.close()
            live(theirs)
        theirs.close()
        return cls(pid, ours)

    def give(self, order: Decode, upload: int, output: int) -> bool:
        """Give it its order and the two descriptors; False if it is gone. Of no use afterwards."""
        with self._channel:
            try:
                send(self._channel, order, (upload, output))
            except OSError:
                return False
        return True

    def forget(self) -> None:
        """Close the channel: the child, if it lives, ends."""
        self._channel.close()


def wait_for_order(channel: socket.socket) -> tuple[Decode, int, int] | None:
    """Wait, in the child, for its order, its upload and its output; None once the nursery is gone."""
    receiver = Receiver(channel)
    with contextlib.suppress(ConnectionError):
        while (documents := receiver.receive()) is not None:
            for document in documents:
                upload, output = receiver.take_descriptors(2)
                return Decode.model_validate(document), upload, output
    return None
