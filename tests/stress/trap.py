"""A listener that nobody may call: whoever does was led there by an upload."""

import contextlib
import socket
import threading
from collections.abc import Iterator


class Trap:
    """Counts connections."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.calls = 0

    def wait(self) -> None:
        """Count until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.calls += 1
                connection.close()


@contextlib.contextmanager
def set_trap() -> Iterator[Trap]:
    """Listen on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        trap = Trap(listener)
        thread = threading.Thread(target=trap.wait, daemon=True)
        thread.start()
        yield trap
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()
