"""The database of jobs: SQLite in the data folder, or PostgreSQL by URL."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import sqlalchemy
from sqlalchemy import event, exc
from sqlalchemy.engine import make_url

from gateway.jobs.settings import FILE
from gateway.jobs.store import open_private_folder
from shared.contracts.problems import Problem

_log = logging.getLogger(__name__)

# A connection that was ended is made anew at once; a database that starts again is there within seconds.
_PAUSES = (0.0, 0.1, 0.5, 1.0, 2.0, 4.0)

_Parameters = ParamSpec("_Parameters")
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Database:
    """How the engine of jobs reaches its tables.

    Args:
        url: as SQLAlchemy reads it.
        engine: connections for the client of DBOS and its worker.
    """

    url: str
    engine: sqlalchemy.Engine

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_database(url: str, data_folder: Path) -> Database:
    """Open PostgreSQL where a URL is given, else SQLite in the folder.

    Raises:
        OSError: the folder cannot be had for this user alone.
    """
    # What was sent (the address of a webhook, say) is not to be read in an error, nor in the log.
    pool: dict[str, Any] = {"pool_size": 10, "max_overflow": 20, "hide_parameters": True}
    if url:
        plain = make_url(url).set(drivername="postgresql+psycopg")
        engine = sqlalchemy.create_engine(
            plain, **pool, pool_pre_ping=True, connect_args={"connect_timeout": 10}
        )
        event.listen(engine, "connect", _prepare_postgres)
        return Database(url, engine)
    path = open_private_folder(data_folder) / FILE
    address = f"sqlite:///{path}"
    engine = sqlalchemy.create_engine(address, **pool)
    event.listen(engine, "connect", _prepare_sqlite)
    return Database(address, engine)


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Turn the errors of a database into problems, whose text holds nothing of what was sent.

    Raises:
        Problem: `service-unavailable` where it is away, `internal-error` where it refuses what it is asked.
    """
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise Problem("service-unavailable", "The database of jobs gave no answer.", retry_after=5) from error
    except exc.DBAPIError as error:
        # PostgreSQL adds the row that it refuses, with the address of a webhook, below the first line.
        why = str(error.orig).partition("\n")[0]
        _log.error("the database of jobs refused a call", extra={"fields": {"why": why}})
        raise Problem("internal-error", "The server met a fault of its own.") from None


def patiently(
    call: Callable[_Parameters, _Found], *arguments: _Parameters.args, **named: _Parameters.kwargs
) -> _Found:
    """Call, and again for some seconds while the connection to the database breaks; for threads.

    For what a worker asks in the midst of a job, which is not at fault; a request is answered at once.

    Raises:
        Problem: `service-unavailable`: the database stays away.
    """
    for pause in _PAUSES:
        try:
            return call(*arguments, **named)
        except Problem as problem:
            if problem.name != "service-unavailable":
                raise
            time.sleep(pause)
    return call(*arguments, **named)


def _prepare_postgres(connection: Any, _: Any) -> None:
    # As DBOS sets it on its own engines: whoever falls silent in a transaction holds its locks no longer.
    connection.execute("SET idle_in_transaction_session_timeout = 60000")
    connection.commit()


def _prepare_sqlite(connection: Any, _: Any) -> None:
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
