"""Files that are whole or not there: what was under their name stays until then."""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

# What stands here leads to what a process has open: only writing to it reaches that.
_OPEN_ALREADY = ("/dev/", "/proc/")
# A name has 255 bytes at most, and no suffix that anybody goes by is longer.
_LONGEST_SUFFIX = 8


@contextlib.contextmanager
def completed_file(out: Path) -> Iterator[Path]:
    """Give a file to write, which takes the place of `out` at the end of the block; gone where that fails.

    A link stays, and so do mode and owner of a file that was there. Devices, pipes, and a file in a folder
    that takes no new ones are written to directly.

    Args:
        out: what is wanted; folders are made as needed.

    Raises:
        OSError: it cannot be written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    before = out.stat() if out.exists() else None
    part = _beside(out, before)
    if part is None:
        yield out
        return
    try:
        yield part
        if before is not None:
            with contextlib.suppress(PermissionError):
                os.chown(part, before.st_uid, before.st_gid)
            part.chmod(stat.S_IMODE(before.st_mode))
        part.replace(os.path.realpath(out))
    finally:
        part.unlink(missing_ok=True)


def _beside(out: Path, before: os.stat_result | None) -> Path | None:
    """Make an empty file beside what `out` leads to; None where that must be written to directly."""
    if before is not None:
        if not stat.S_ISREG(before.st_mode) or str(out.absolute()).startswith(_OPEN_ALREADY):
            return None
        # Who may not write to it may not replace it either.
        out.open("r+b").close()
    part = Path(os.path.realpath(out)).with_name(
        f".emotion-{secrets.token_hex(4)}{out.suffix[:_LONGEST_SUFFIX]}"
    )
    try:
        part.touch(exist_ok=False)
    except PermissionError:
        if before is None:
            raise
        return None
    return part
