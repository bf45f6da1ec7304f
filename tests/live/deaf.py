"""A client of `WS /v1/live` that talks and does not listen."""

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from tests.jobs.gateway_process import PATIENCE
from tests.live.gateway_process import samples

_PINGS_AT_ONCE = 100
# Where a receive buffer is full, newer kernels (6.18) may drop even what acknowledges our pings: then nothing
# moves any more until a little is read.
_STUCK_SECONDS = 0.3
_ENDS = ("emotion_live_streams_total", "emotion_live_places", "emotion_refusals_total")


class DeafClient:
    """One connection of which hardly anything is read after the handshake, until `read_to_the_end`.

    What the server sends fills this socket's buffer of a few kilobytes, then the server's own.

    Args:
        url: of the gateway.
    """

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._url = url
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.settimeout(60)
        self._socket.connect((address.hostname, address.port))
        self._ports = (self._socket.getpeername()[1], self._socket.getsockname()[1])
        self._protocol = ClientProtocol(parse_uri(f"ws://{address.netloc}/v1/live"), max_size=None)
        self._protocol.send_request(self._protocol.connect())
        self._flush()
        while self._protocol.state is State.CONNECTING:
            self._protocol.receive_data(self._socket.recv(4096))
        assert self._protocol.handshake_exc is None
        self._protocol.events_received()

    def say(self, **message: object) -> None:
        """Send a text message."""
        self._protocol.send_text(json.dumps(message).encode())
        self._flush()

    def ping(self, times: int) -> None:
        """Send pings, all at once."""
        self._socket.sendall(self._pings(times))

    def ping_until(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Send ping after ping, as fast as the server takes them, until the condition is true.

        Raises:
            AssertionError: it did not come true; says what became of the connection and of the stream.
        """
        began = moved = time.monotonic()
        broken: ConnectionError | None = None
        rest = b""
        self._socket.settimeout(0)
        while not condition() and not broken and time.monotonic() < began + seconds:
            try:
                for _ in range(_PINGS_AT_ONCE):
                    rest = rest or self._pings(_PINGS_AT_ONCE)
                    rest = rest[self._socket.send(rest) :]
                    moved = time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)
                if time.monotonic() > moved + _STUCK_SECONDS:
                    self._read_a_little()
            except ConnectionError as error:
                broken = error
        self._socket.settimeout(60)
        lasted = time.monotonic() - began
        assert condition(), f"not after {lasted:.1f} s of pings: {broken!r}, {self._ends()}"

    def read_to_the_end(self) -> tuple[list[dict[str, object]], int | None, str | None]:
        """Read everything that was sent; give the events, the close code and its reason."""
        events = []
        while (closing := self._protocol.close_rcvd) is None and (data := self._socket.recv(1 << 16)):
            self._protocol.receive_data(data)
            frames = self._protocol.events_received()
            events += [json.loads(frame.data) for frame in frames if frame.opcode is Opcode.TEXT]
        return (events, closing.code, closing.reason) if closing else (events, None, None)

    def is_held(self) -> bool:
        """Whether a process still has the server's end of the connection open."""
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            ports = tuple(int(field.rpartition(":")[2], 16) for field in fields[1:3])
            # What the kernel alone winds up has no inode.
            if ports == self._ports and fields[9] != "0":
                return True
        return False

    def close(self) -> None:
        self._socket.close()

    def _read_a_little(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._protocol.receive_data(self._socket.recv(4096))

    def _ends(self) -> dict[str, float]:
        """How the gateway's streams have ended so far, as it counts them."""
        counted = samples(self._url).items()
        return {name: number for name, number in counted if name.startswith(_ENDS)}

    def _pings(self, times: int) -> bytes:
        for _ in range(times):
            self._protocol.send_text(b'{"event": "ping"}')
        return b"".join(self._protocol.data_to_send())

    def _flush(self) -> None:
        self._socket.sendall(b"".join(self._protocol.data_to_send()))


@contextlib.contextmanager
def talk(url: str) -> Iterator[DeafClient]:
    """Open a stream of pictures, and read nothing of it."""
    client = DeafClient(url)
    try:
        client.say(event="open", source="pictures")
        yield client
    finally:
        client.close()
