"""Taking an MP4 apart into boxes and putting it together again (ISO/IEC 14496-12, 4.2)."""

import struct
from collections.abc import Callable

_PARENTS = {b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl"}


def rewritten(content: bytes, name: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Give the file with `change` applied to the body of every box of this name, and all lengths right."""
    written = b""
    while len(content) >= 8:
        length, kind = struct.unpack_from(">I4s", content)
        body, content = content[8:length], content[length:]
        if kind == name:
            body = change(body)
        elif kind in _PARENTS:
            body = rewritten(body, name, change)
        written += struct.pack(">I4s", len(body) + 8, kind) + body
    return written + content


def reference_by_url(url: str) -> bytes:
    """Body of a `dref` box that says: the samples lie at this address (8.7.2)."""
    entry = b"\0\0\0\0" + url.encode() + b"\0"
    return struct.pack(">II", 0, 1) + struct.pack(">I4s", len(entry) + 8, b"url ") + entry


def reference_by_alias(path: str) -> bytes:
    """Body of a `dref` box with an alias record of the old Macintosh, the kind that FFmpeg can follow."""
    target = path.encode()
    target += b"\0" * (len(target) % 2)
    alias = bytes(10) + b"\x04disk".ljust(28, b"\0") + bytes(12)
    alias += (bytes([min(63, len(target))]) + target).ljust(64, b"\0")[:64] + bytes(16)
    alias += struct.pack(">HH", 1, 1) + bytes(16)
    alias += struct.pack(">HH", 2, len(target)) + target + struct.pack(">HH", 0xFFFF, 0)
    entry = b"\0\0\0\0" + alias
    return struct.pack(">II", 0, 1) + struct.pack(">I4s", len(entry) + 8, b"alis") + entry
