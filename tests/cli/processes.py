"""What tests ask about processes."""

import socket
import time
from collections.abc import Callable
from pathlib import Path


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def is_alive(pid: int) -> bool:
    """True while it runs; a zombie does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


def children_of(pid: int) -> list[int]:
    """Processes, zombies too, whose parent this is, and theirs."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(entry.name)] = int(fields[1])
    found = [child for child, parent in parents.items() if parent == pid]
    return found + [grandchild for child in found for grandchild in children_of(child)]


def decoders_of(nursery: int) -> list[int]:
    """Processes that decode an upload, not the one that waits for the next (gateway/media/spare.py)."""
    return [pid for pid in children_of(nursery) if name_of(pid) == "decoder"]


def parent_of(pid: int) -> int | None:
    """Its parent, None for a process that has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def waits_for_an_upload(pid: int) -> bool:
    """Whether it is a child of the decoders' parent that has no work yet; such a one comes and goes."""
    parent = parent_of(pid)
    return parent is not None and name_of(pid) == name_of(parent) == "decoders"


def name_of(pid: int) -> str:
    """The name that a process has given itself; empty for one that has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def eventually(holds: Callable[[], bool], *, seconds: float = 30) -> bool:
    """Wait until it holds."""
    give_up = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.05)
    return True


def command_of(pid: int) -> list[str]:
    """Its arguments; none for one that has ended, or is just ending."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def nurseries_of(pid: int) -> list[int]:
    """The parents of decoders below a process, without what they have forked themselves."""
    found = {
        child: parent_of(child) for child in children_of(pid) if "gateway.media.nursery" in command_of(child)
    }
    return [child for child, parent in found.items() if parent is not None and parent not in found]


def resident_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return _status_bytes(pid, "VmRSS:")


def most_resident_bytes(pid: int) -> int:
    """The most resident memory that a process ever had."""
    return _status_bytes(pid, "VmHWM:")


def _status_bytes(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))
