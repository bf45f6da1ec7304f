"""What a disk keeps free, so that what has been accepted can still be written when uploads have come."""

import math
import os
from pathlib import Path


def free_bytes(file: int) -> float:
    """Give how many bytes this user may still write on the disk of an open file; infinite where unknown.

    Args:
        file: its descriptor.
    """
    disk = os.fstatvfs(file)
    return disk.f_bavail * disk.f_frsize if disk.f_blocks else math.inf


def bytes_to_keep(folder: Path, chosen: int | None, *, usual: int) -> int:
    """Give how many bytes of a folder's disk stay free.

    Args:
        folder: one that is not there counts as large; whoever writes into it says that it is missing.
        chosen: what was set; None where nothing was.
        usual: without a choice, though never more than an eighth of the disk: a small one is to be used too.
    """
    if chosen is not None:
        return chosen
    try:
        disk = os.statvfs(folder)
    except OSError:
        return usual
    whole = disk.f_blocks * disk.f_frsize
    return min(usual, whole // 8) if whole else usual


class UploadRoom:
    """Room for the uploads under way: those that say how long they are have theirs before they come.

    Args:
        keep_free: bytes that are never taken.
    """

    def __init__(self, keep_free: int) -> None:
        self._keep_free = keep_free
        self._promised = 0

    def takes(self, file: int, length: int) -> bool:
        """Tell whether an upload of so many bytes, 0 where it does not say, fits beside all that is promised.

        Args:
            file: descriptor of a file on the disk.
            length: bytes that are to come.
        """
        return free_bytes(file) - self._promised - length >= self._keep_free

    def is_left(self, file: int) -> bool:
        """Tell whether the disk has as much room as it must keep, promises left aside."""
        return free_bytes(file) >= self._keep_free

    def promise(self, length: int) -> None:
        """Keep room for an upload to come; a negative length gives back what came or will not come."""
        self._promised += length
