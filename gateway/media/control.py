"""What the gateway and the nursery say to each other: JSON lines, with descriptors beside them."""

import json
import socket
from collections import deque
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gateway.media.limits import MediaLimits
from gateway.media.options import DecodeOptions
from gateway.media.sandbox import Measures, Usage

_READ_BYTES = 65_536
_DESCRIPTORS_AT_ONCE = 16


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class Decode(_Message):
    """Gateway to nursery: decode. Two descriptors come along: the upload's, and the pipe's to write to."""

    order: Literal["decode"] = "decode"
    id: int
    limits: MediaLimits
    options: DecodeOptions


class Kill(_Message):
    """Gateway to nursery: end a decoding; answered by `Ended` like any other end."""

    order: Literal["kill"] = "kill"
    id: int


class Ready(_Message):
    """Nursery to gateway: everything is loaded."""

    report: Literal["ready"] = "ready"
    measures: Measures


class Started(_Message):
    """Nursery to gateway: a process is at work."""

    report: Literal["started"] = "started"
    id: int
    pid: int


class Ended(_Message):
    """Nursery to gateway: the process has ended and is no more.

    Args:
        id: which decoding.
        exit_status: exit status, or minus the signal's number; None where it could not be started.
        usage: what it used; None where it could not be started.
    """

    report: Literal["ended"] = "ended"
    id: int
    exit_status: int | None
    usage: Usage | None


Order = Annotated[Decode | Kill, Field(discriminator="order")]
Report = Annotated[Ready | Started | Ended, Field(discriminator="report")]
ORDERS: TypeAdapter[Decode | Kill] = TypeAdapter(Order)
REPORTS: TypeAdapter[Ready | Started | Ended] = TypeAdapter(Report)


def send(channel: socket.socket, message: BaseModel, descriptors: tuple[int, ...] = ()) -> None:
    """Send a message whole.

    Raises:
        OSError: the other side is gone, or does not read (BlockingIOError on a non-blocking socket).
    """
    data = message.model_dump_json().encode() + b"\n"
    sent = socket.send_fds(channel, [data], descriptors) if descriptors else channel.send(data)
    if sent < len(data):
        channel.sendall(data[sent:])


class Receiver:
    """Takes messages apart as they arrive on a socket."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._rest = b""
        self._descriptors: deque[int] = deque()

    def receive(self) -> list[Any] | None:
        """Read what is there: parsed JSON documents; None at the end of the stream.

        Raises:
            BlockingIOError: nothing is there on a non-blocking socket.
        """
        data, descriptors, _, _ = socket.recv_fds(self._channel, _READ_BYTES, _DESCRIPTORS_AT_ONCE)
        self._descriptors.extend(descriptors)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def take_descriptors(self, count: int) -> tuple[int, ...]:
        """Take over the descriptors that came with the oldest message that has some."""
        return tuple(self._descriptors.popleft() for _ in range(count))
