"""Files that are whole or not there: what was under their name stays until then."""

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# What stands here leads to what a process has open: only writing to it reaches that.
_OPEN_ALREADY = ("/dev/", "/proc/")
_STANDARD_STREAMS = (1, 2)
_DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|thread-self))/fd/(\d{1,9})")
# A name has 255 bytes at most, and no suffix that anybody goes by is longer.
_LONGEST_SUFFIX = 8
# The folder takes no new files, the old file is another's or is mounted, or its owner has no number here.
_REFUSALS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EINVAL})


@contextlib.contextmanager
def completed_file(out: Path) -> Iterator[Path]:
    """Give a file to write, which takes the place of `out` at the end of the block; gone where that fails.

    Symbolic links stay, and so do mode, owner and attributes of a file that was there. Where a new file
    cannot stand for what was there (a device, a pipe, one of several names of a file, a file that is mounted
    or another's, one in a folder that takes no new files), its content is copied there in the end.

    Args:
        out: what is wanted; folders are made as needed.

    Raises:
        OSError: it cannot be written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    before = out.stat() if out.exists() else None
    place = Path(os.path.realpath(out)) if before is None or _lies_in_a_folder(out, before) else None
    suffix = out.suffix[:_LONGEST_SUFFIX]
    part = (_beside(place, before, suffix) if place is not None else None) or _elsewhere(suffix)
    try:
        yield part
        if place is None or not _takes_place(part, place, before):
            with part.open("rb") as whole, _opened(out) as target:
                shutil.copyfileobj(whole, target)
    finally:
        part.unlink(missing_ok=True)


def _lies_in_a_folder(out: Path, before: os.stat_result) -> bool:
    return stat.S_ISREG(before.st_mode) and not str(out.absolute()).startswith(_OPEN_ALREADY)


def _beside(place: Path, before: os.stat_result | None, suffix: str) -> Path | None:
    """Make an empty file in the same folder; None where that takes none."""
    if before is not None:
        # Who may not write to it may not replace it either.
        place.open("r+b").close()
    part = place.with_name(f".emotion-{secrets.token_hex(4)}{suffix}")
    try:
        # What nobody else may read is not to be read while it is written either.
        part.touch(0o666 if before is None else 0o600, exist_ok=False)
    except OSError as error:
        if before is None or error.errno not in _REFUSALS:
            raise
        return None
    return part


def _elsewhere(suffix: str) -> Path:
    """Make an empty file among the temporary ones."""
    descriptor, part = tempfile.mkstemp(prefix="emotion-", suffix=suffix)
    os.close(descriptor)
    return Path(part)


def _takes_place(part: Path, place: Path, before: os.stat_result | None) -> bool:
    """Put the new file where the old one was; False where it cannot stand for that."""
    if before is None:
        part.replace(place)
        return True
    if before.st_nlink > 1 or part.parent != place.parent:
        return False
    try:
        os.chown(part, before.st_uid, before.st_gid)
        shutil.copystat(place, part)
        os.utime(part)
        part.replace(place)
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        return False
    return True


def _opened(out: Path) -> BinaryIO:
    """Open it for writing; what this process has open, as its standard output, is written on from there."""
    named = _DESCRIPTOR.fullmatch(str(out))
    for stream in (*_STANDARD_STREAMS, *map(int, named.groups() if named else ())):
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(stream), out.stat()):
                return os.fdopen(os.dup(stream), "wb")
    return out.open("wb")
