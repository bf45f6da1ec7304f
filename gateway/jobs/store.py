"""Where uploads and results of jobs lie, by names with one slash (`an_01.../upload`); whole or not at all."""

import asyncio
import contextlib
import errno
import io
import os
import secrets
import shutil
import stat
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from gateway.free_space import free_bytes
from shared.contracts.problems import Problem

_PIECE = 1024 * 1024
# So much may wait in memory for a slow disk: longer, and a file on its way there would look abandoned.
_UNSYNCED_BYTES = 32 * _PIECE


class Store(Protocol):
    """A place that outlives the process; every machine that shares the database shares it.

    Every call raises the `Problem` `service-unavailable` while the place cannot be reached.
    """

    async def put(self, name: str, file: BinaryIO) -> None:
        """Keep all of a file, from its start; when this returns it outlives the process.

        Raises:
            Problem: `overloaded` where there is no room beside what the place keeps free.
        """

    async def put_bytes(self, name: str, data: bytes) -> None:
        """Keep these bytes, as `put`, but of the last room there is: a job that was accepted has a result."""

    async def create(self, name: str, data: bytes) -> bool:
        """Keep these bytes unless the name is taken; tell whether it was free. Atomic.

        Raises:
            Problem: as `put`.
        """

    async def get(self, name: str) -> bytes | None:
        """Give the bytes; None where there are none."""

    async def get_part(self, name: str, start: int, length: int) -> tuple[bytes, int] | None:
        """Give bytes from `start` on, `length` at most, and how many there are in all; None where nothing is.

        Args:
            name: of what lies there.
            start: below the number of its bytes.
            length: bytes, at least 1.
        """

    def local(self, name: str) -> AbstractAsyncContextManager[Path | None]:
        """Give a path on this machine, good inside the context; None where there is nothing."""

    async def delete_group(self, group: str) -> None:
        """Delete everything whose name begins with `group/`; nothing is fine."""

    async def delete(self, name: str) -> None:
        """Delete one; nothing is fine."""

    async def groups(self) -> dict[str, float]:
        """Give every group with the seconds since something was last written into it."""

    async def names(self, group: str) -> dict[str, float]:
        """Give every name in a group with its age in seconds."""


def open_private_folder(folder: Path) -> Path:
    """Make a folder that only this user can enter, or take one that is so.

    Raises:
        OSError: it cannot be made, or it belongs to or is open to others.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        message = f"{folder} is not a folder of this user"
        raise PermissionError(message)
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)
    return folder


class FolderStore:
    """Files in a folder of this machine (or one that machines share).

    Args:
        folder: it is made where there is none, for this user only.
        keep_free: bytes that `put` and `create` leave free on its disk.
    """

    def __init__(self, folder: Path, *, keep_free: int = 0) -> None:
        self._folder = open_private_folder(folder)
        self._keep_free = keep_free

    async def put(self, name: str, file: BinaryIO) -> None:
        """See `Store`."""
        await asyncio.to_thread(self._put, name, file)

    async def put_bytes(self, name: str, data: bytes) -> None:
        """See `Store`."""
        await asyncio.to_thread(self._put, name, data)

    async def create(self, name: str, data: bytes) -> bool:
        """See `Store`."""
        return await asyncio.to_thread(self._create, name, data)

    async def get(self, name: str) -> bytes | None:
        """See `Store`."""
        try:
            return await asyncio.to_thread((self._folder / name).read_bytes)
        except FileNotFoundError:
            return None

    async def get_part(self, name: str, start: int, length: int) -> tuple[bytes, int] | None:
        """See `Store`."""
        try:
            return await asyncio.to_thread(_read_part, self._folder / name, start, length)
        except FileNotFoundError:
            return None

    @contextlib.asynccontextmanager
    async def local(self, name: str) -> AsyncIterator[Path | None]:
        """See `Store`."""
        path = self._folder / name
        yield path if path.exists() else None

    async def delete_group(self, group: str) -> None:
        """See `Store`."""
        await asyncio.to_thread(shutil.rmtree, self._folder / group, ignore_errors=True)

    async def delete(self, name: str) -> None:
        """See `Store`."""
        await asyncio.to_thread((self._folder / name).unlink, missing_ok=True)

    async def groups(self) -> dict[str, float]:
        """See `Store`."""
        return await asyncio.to_thread(_ages_of_groups, self._folder)

    async def names(self, group: str) -> dict[str, float]:
        """See `Store`."""
        found = await asyncio.to_thread(_ages, self._folder / group)
        return {f"{group}/{name}": age for name, age in found.items()}

    def _put(self, name: str, content: BinaryIO | bytes) -> None:
        part = self._write_part(name, content)
        part.rename(self._folder / name)
        _sync_folder(part.parent)

    def _create(self, name: str, data: bytes) -> bool:
        part = self._write_part(name, io.BytesIO(data))
        try:
            os.link(part, self._folder / name)
        except FileExistsError:
            return False
        finally:
            part.unlink()
        _sync_folder(part.parent)
        return True

    def _write_part(self, name: str, content: BinaryIO | bytes) -> Path:
        path = self._folder / name
        part = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with part.open("xb") as target:
                if isinstance(content, bytes):
                    target.write(content)
                else:
                    self._copy(content, target)
                target.flush()
                os.fsync(target.fileno())
        except OSError as error:
            part.unlink(missing_ok=True)
            raise Problem(
                "overloaded",
                "There is no room to store this now.",
                remedy="Wait as long as Retry-After says, then send it again; if it stays so, whoever runs "
                "this server frees the disk of EMOTION_JOBS__DATA_FOLDER, of which "
                "EMOTION_JOBS__KEEP_FREE_BYTES stay free.",
                retry_after=60,
            ) from error
        return part

    def _copy(self, content: BinaryIO, target: BinaryIO) -> None:
        content.seek(0)
        unsynced = 0
        while piece := content.read(_PIECE):
            if free_bytes(target.fileno()) - len(piece) < self._keep_free:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            target.write(piece)
            unsynced += len(piece)
            if unsynced >= _UNSYNCED_BYTES:
                target.flush()
                os.fdatasync(target.fileno())
                unsynced = 0


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_part(path: Path, start: int, length: int) -> tuple[bytes, int]:
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        return file.read(length), os.fstat(file.fileno()).st_size


def _ages_of_groups(folder: Path) -> dict[str, float]:
    """Tell when something was last written, also into a file that is not whole yet."""
    return {name: min([age, *_ages(folder / name).values()]) for name, age in _ages(folder).items()}


def _ages(folder: Path) -> dict[str, float]:
    now = time.time()
    ages = {}
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                ages[entry.name] = now - entry.stat(follow_symlinks=False).st_mtime
    return ages
