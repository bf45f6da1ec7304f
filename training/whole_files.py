"""Files that are there whole or not at all, however a program that writes them ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a path to write to, which becomes `path` at the end; a stop before it leaves what was there.

    Its name ends as that of `path`, for NumPy goes by the ending. The folder is made when it is not there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.stem}.part{path.suffix}")
    yield unfinished
    unfinished.replace(path)
