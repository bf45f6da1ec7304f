"""What can be uploaded, as a body that is read piece by piece."""

import asyncio
import contextlib
import errno
import io
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import BinaryIO

MediaSource = Path | str | bytes | BinaryIO
"""A path, the bytes themselves, or a file that is open for reading and can be wound back."""

UploadProgress = Callable[[int, int], None]
"""Is told how many bytes of how many have been sent."""

_PIECE = 256 * 1024


class Upload:
    """A media file on its way; can be sent several times.

    Args:
        file: open, and seekable.
        size: bytes from its present position on.
        progress: told about each piece.
    """

    def __init__(self, file: BinaryIO, size: int, progress: UploadProgress | None) -> None:
        self._file = file
        self._start = file.tell()
        self.size = size
        self._progress = progress

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give exactly `size` bytes from the start: a file that grows meanwhile would break the length.

        Raises:
            OSError: it cannot be read, or became shorter.
        """
        self._file.seek(self._start)
        left = self.size
        while left and (piece := await asyncio.to_thread(self._file.read, min(left, _PIECE))):
            left -= len(piece)
            yield piece
            if self._progress is not None:
                self._progress(self.size - left, self.size)
        if left:
            raise OSError(errno.EIO, "The file became shorter while it was sent")


@contextlib.contextmanager
def opened(media: MediaSource, progress: UploadProgress | None) -> Iterator[Upload]:
    """Open what is to be uploaded; files that the caller opened stay open.

    Raises:
        OSError: it cannot be read.
    """
    if isinstance(media, bytes):
        yield Upload(io.BytesIO(media), len(media), progress)
    elif isinstance(media, (str, Path)):
        with Path(media).open("rb") as file:
            yield Upload(file, os.fstat(file.fileno()).st_size, progress)
    else:
        here = media.tell()
        size = media.seek(0, os.SEEK_END) - here
        media.seek(here)
        yield Upload(media, size, progress)
