"""The database of jobs: SQLite in the data folder, or PostgreSQL by URL."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from gateway.jobs.settings import FILE
from gateway.jobs.store import open_private_folder

# A connection that was ended is made anew at once; a database that starts again is there within seconds.
_PAUSES = (0.0, 0.1, 0.5, 1.0, 2.0, 4.0)

_Parameters = ParamSpec("_Parameters")
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Database:
    """How the engine of jobs reaches its tables.

    Args:
        url: as SQLAlchemy reads it.
        engine: connections of our own making for SQLite; None where DBOS makes them.
    """

    url: str
    engine: sqlalchemy.Engine | None

    def close(self) -> None:
        """Close all connections."""
        if self.engine is not None:
            self.engine.dispose()


def open_database(url: str, data_folder: Path) -> Database:
    """Open PostgreSQL where a URL is given, else SQLite in the folder.

    Raises:
        OSError: the folder cannot be had for this user alone.
    """
    if url:
        return Database(url, None)
    path = open_private_folder(data_folder) / FILE
    address = f"sqlite:///{path}"
    engine = sqlalchemy.create_engine(address, pool_size=10, max_overflow=20)
    event.listen(engine, "connect", _prepare)
    return Database(address, engine)


def patiently(
    call: Callable[_Parameters, _Found], *arguments: _Parameters.args, **named: _Parameters.kwargs
) -> _Found:
    """Call, and again for some seconds while the connection to the database breaks; for threads.

    For what a worker asks in the midst of a job, which is not at fault; a request is answered at once.

    Raises:
        sqlalchemy.exc.OperationalError: the database stays away.
    """
    for pause in _PAUSES:
        try:
            return call(*arguments, **named)
        except OperationalError:
            time.sleep(pause)
    return call(*arguments, **named)


def _prepare(connection: Any, _: Any) -> None:
    # IMMEDIATE: writers queue for the lock instead of failing half way; as DBOS sets it on its own engines.
    connection.isolation_level = "IMMEDIATE"
    for pragma in (
        "busy_timeout=30000",
        "foreign_keys=ON",
        "journal_mode=WAL",
        # A commit survives a killed process at once, and a power failure from the next checkpoint on.
        "synchronous=NORMAL",
        # What is erased is overwritten.
        "secure_delete=ON",
        "journal_size_limit=1048576",
    ):
        connection.execute(f"PRAGMA {pragma}")
