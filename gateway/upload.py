"""Receive an upload into a file without a name, counted and timed while it arrives.

The file has no entry in any folder, so nothing is left behind, however the process ends.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from gateway.free_space import UploadRoom
from shared.contracts.problems import Problem
from shared.request_body import declared_length, refuse_declared_length, too_large

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_WRITE_AT = 1024 * 1024
_MAX_PARTS = 20
_MAX_PART_HEADER = 8 * 1024
# Room for the multipart framing around the file itself.
_FRAMING = 64 * 1024


class UploadRules:
    """What an upload must keep to.

    Args:
        max_bytes: longest file.
        idle_seconds: longest pause between two pieces.
        min_bytes_per_second: slowest average, once `idle_seconds` have passed.
        folder: where the file lies.
        keep_free: bytes that all uploads together leave free on that folder's disk.
    """

    def __init__(
        self, *, max_bytes: int, idle_seconds: float, min_bytes_per_second: int, folder: Path, keep_free: int
    ) -> None:
        self.max_bytes = max_bytes
        self.idle_seconds = idle_seconds
        self.min_bytes_per_second = min_bytes_per_second
        self.folder = folder
        self.room = UploadRoom(keep_free)


async def receive_upload(request: Request, rules: UploadRules) -> BinaryIO:
    """Receive a raw body, or the part named `file` of a multipart form.

    Returns:
        An open file, positioned at its start; closing it frees the disk.

    Raises:
        Problem: `upload-too-large`, `upload-too-slow`, `empty-upload`, `bad-request`, `bad-parameter`,
            `unknown-parameter`, `client-closed-request`, or `service-unavailable` where the disk has no room
            for it beside the others.
    """
    media_type, options = parse_options_header(request.headers.get("content-type"))
    is_form = media_type == b"multipart/form-data"
    refuse_declared_length(request, rules.max_bytes, framing=_FRAMING if is_form else 0)
    file = _Spool(rules, declared=min(declared_length(request) or 0, rules.max_bytes))
    try:
        if is_form:
            await _receive_form(request, options.get(b"boundary", b""), file, rules)
        else:
            async for piece in _pieces(request, rules):
                await file.write(piece)
        return await file.finish()
    except BaseException:
        file.close()
        raise


async def _pieces(request: Request, rules: UploadRules) -> AsyncIterator[bytes]:
    """Give the body piece by piece, as long as it keeps coming."""
    stream = request.stream()
    started = time.monotonic()
    received = 0
    while True:
        try:
            async with asyncio.timeout(rules.idle_seconds):
                piece = await anext(stream, None)
        except TimeoutError as error:
            raise _too_slow() from error
        except ClientDisconnect as error:
            detail = "The connection was closed before the upload was complete."
            raise Problem("client-closed-request", detail) from error
        if piece is None:
            return
        received += len(piece)
        elapsed = time.monotonic() - started
        if elapsed > rules.idle_seconds and received < elapsed * rules.min_bytes_per_second:
            raise _too_slow()
        if piece:
            yield piece


def _too_slow() -> Problem:
    return Problem("upload-too-slow", "The upload came to a halt, or nearly so.")


def _no_room() -> Problem:
    return Problem(
        "service-unavailable",
        "There is no room for the upload at the moment.",
        remedy="Wait as long as Retry-After says, then send it again; if it stays so, whoever runs this "
        "server frees the disk of EMOTION_TEMPORARY_FOLDER, of which EMOTION_KEEP_FREE_BYTES stay free, or "
        "names another folder there.",
        retry_after=10,
    )


class _Spool:
    """The file; written in large pieces, off the event loop.

    Args:
        rules: what the upload must keep to.
        declared: bytes that were announced, for which room is kept until they have come; 0 where none were.
    """

    def __init__(self, rules: UploadRules, *, declared: int) -> None:
        try:
            self._file: BinaryIO = tempfile.TemporaryFile(dir=rules.folder)  # noqa: SIM115 - see close
        except OSError as error:
            raise _no_room() from error
        self._limit = rules.max_bytes
        self._waiting = bytearray()
        self._length = 0
        self._room = rules.room
        self._is_declared = declared > 0
        self._to_come = 0
        if not self._room.takes(self._file.fileno(), declared):
            self._file.close()
            raise _no_room()
        self._promise(declared)

    async def write(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._length > self._limit:
            raise too_large(self._limit)
        self._waiting += piece
        if len(self._waiting) >= _WRITE_AT:
            await self._flush()

    async def finish(self) -> BinaryIO:
        if self._length == 0:
            raise Problem("empty-upload", "The upload has no bytes.", field="file")
        await self._flush()
        self._promise(-self._to_come)
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        self._promise(-self._to_come)
        # What could not be written before cannot be written now.
        with contextlib.suppress(OSError):
            self._file.close()

    async def _flush(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, bytearray()
            try:
                await asyncio.to_thread(self._file.write, waiting)
                self._file.flush()
            except OSError as error:
                raise _no_room() from error
            self._promise(-min(self._to_come, len(waiting)))
            file = self._file.fileno()
            if not (self._room.is_left(file) if self._is_declared else self._room.takes(file, 0)):
                raise _no_room()

    def _promise(self, length: int) -> None:
        self._to_come += length
        self._room.promise(length)


async def _receive_form(request: Request, boundary: bytes, file: _Spool, rules: UploadRules) -> None:
    if not 1 <= len(boundary) <= 200:
        raise Problem(
            "bad-request", "The multipart body has no boundary in its Content-Type.", field="Content-Type"
        )
    form = _FilePart()
    framing_left = _FRAMING
    try:
        parser = MultipartParser(boundary, form.callbacks())
        async for piece in _pieces(request, rules):
            parser.write(piece)
            found = form.take()
            framing_left -= len(piece) - len(found)
            if framing_left < 0:
                raise too_large(rules.max_bytes)
            if found:
                await file.write(found)
        parser.finalize()
    except FormParserError as error:
        raise Problem("bad-request", "The multipart body is malformed.", field="body") from error
    if not form.complete:
        raise Problem(
            "bad-parameter",
            "The form has no part named 'file' that is complete.",
            remedy="Send one part named 'file', as `curl -F file=@clip.mp4` does.",
            field="file",
        )


class _FilePart:
    """Listens to the parser; keeps the bytes of the part named `file` until they are taken."""

    def __init__(self) -> None:
        self.complete = False
        self._parts = 0
        self._in_file = False
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._name: bytes | None = None
        self._data = bytearray()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._on_part_begin,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
        }

    def take(self) -> bytes:
        found, self._data = bytes(self._data), bytearray()
        return found

    def _on_part_begin(self) -> None:
        self._parts += 1
        self._name = None
        if self._parts > _MAX_PARTS:
            raise Problem("bad-request", f"The form has more than {_MAX_PARTS} parts.", field="body")

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]
        self._bound(self._header_name)

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]
        self._bound(self._header_value)

    def _on_header_end(self) -> None:
        if bytes(self._header_name).lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._header_value))
            self._name = options.get(b"name")
        self._header_name.clear()
        self._header_value.clear()

    def _on_headers_finished(self) -> None:
        name = (self._name or b"").decode("utf-8", "replace")[:64]
        if name != "file":
            raise Problem(
                "unknown-parameter",
                f"The form has a part named {name!r}.",
                remedy="Send one part named 'file'; options go into the query, as in ?fps=5.",
                field=name or "body",
            )
        if self.complete:
            raise Problem("bad-parameter", "The form has more than one file.", field="file")
        self._in_file = True

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._data += data[start:end]

    def _on_part_end(self) -> None:
        self._in_file = False
        self.complete = True

    @staticmethod
    def _bound(header: bytearray) -> None:
        if len(header) > _MAX_PART_HEADER:
            raise Problem("bad-request", "A header inside the multipart body is too long.", field="body")
