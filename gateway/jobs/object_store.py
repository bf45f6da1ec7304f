"""The same on an S3-compatible server (extra `s3`)."""

import contextlib
import io
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from shared.contracts.problems import Problem

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_PIECE = 8 * 1024 * 1024


class BucketStore:
    """Objects under a prefix of a bucket.

    Credentials, region and endpoint come from the usual variables (`AWS_ACCESS_KEY_ID`,
    `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT`, `AWS_ALLOW_HTTP`).

    Args:
        url: `s3://bucket/prefix`.
        temporary_folder: where an upload lies while it is decoded, as a file without a name.
    """

    def __init__(self, url: str, temporary_folder: Path) -> None:
        import obstore  # noqa: PLC0415 - an extra of its own
        from obstore.store import from_url  # noqa: PLC0415 - an extra of its own

        self._calls = obstore
        self._objects: ObjectStore = from_url(url)
        self._temporary_folder = temporary_folder

    async def put(self, name: str, file: BinaryIO) -> None:
        """See `Store`; large files go up in parts, and appear when all are there."""
        file.seek(0)
        with self._answering():
            await self._calls.put_async(self._objects, name, file)

    async def put_bytes(self, name: str, data: bytes) -> None:
        """See `Store`."""
        await self.put(name, io.BytesIO(data))

    async def create(self, name: str, data: bytes) -> bool:
        """See `Store`."""
        with self._answering():
            try:
                await self._calls.put_async(self._objects, name, data, mode="create")
            except self._calls.exceptions.AlreadyExistsError:
                return False
        return True

    async def get(self, name: str) -> bytes | None:
        """See `Store`."""
        with self._answering():
            try:
                found = await self._calls.get_async(self._objects, name)
                return bytes(await found.bytes_async())
            except FileNotFoundError:
                return None

    async def get_part(self, name: str, start: int, length: int) -> tuple[bytes, int] | None:
        """See `Store`."""
        with self._answering():
            try:
                found = await self._calls.get_async(
                    self._objects, name, options={"range": (start, start + length)}
                )
                return bytes(await found.bytes_async()), found.meta["size"]
            except FileNotFoundError:
                return None

    @contextlib.asynccontextmanager
    async def local(self, name: str) -> AsyncIterator[Path | None]:
        """See `Store`."""
        with tempfile.TemporaryFile(dir=self._temporary_folder) as file:
            found = await self._fetch(name, file)
            yield Path(f"/proc/self/fd/{file.fileno()}") if found else None

    async def _fetch(self, name: str, file: BinaryIO) -> bool:
        with self._answering():
            try:
                found = await self._calls.get_async(self._objects, name)
            except FileNotFoundError:
                return False
            async for piece in found.stream(min_chunk_size=_PIECE):
                file.write(piece)
        file.flush()
        return True

    async def delete_group(self, group: str) -> None:
        """See `Store`."""
        names = [name async for name, _ in self._list(f"{group}/")]
        if names:
            with self._answering():
                await self._calls.delete_async(self._objects, names)

    async def delete(self, name: str) -> None:
        """See `Store`."""
        with self._answering(), contextlib.suppress(FileNotFoundError):
            await self._calls.delete_async(self._objects, name)

    async def groups(self) -> dict[str, float]:
        """See `Store`."""
        ages: dict[str, float] = {}
        async for name, age in self._list(None):
            group = name.partition("/")[0]
            ages[group] = min(age, ages.get(group, age))
        return ages

    async def names(self, group: str) -> dict[str, float]:
        """See `Store`."""
        return {name: age async for name, age in self._list(f"{group}/")}

    async def _list(self, prefix: str | None) -> AsyncIterator[tuple[str, float]]:
        now = datetime.now(UTC)
        with self._answering():
            async for page in self._calls.list(self._objects, prefix):
                for found in page:
                    yield found["path"], (now - found["last_modified"]).total_seconds()

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Turn the library's errors into the problem that a client may come back after."""
        try:
            yield
        except self._calls.exceptions.BaseError as error:
            raise Problem(
                "service-unavailable", "The store of uploads gave no answer.", retry_after=5
            ) from error
