"""The database of jobs: SQLite in the data folder, or PostgreSQL by URL."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import sqlalchemy
from dbos import DBOS
from sqlalchemy import event, exc
from sqlalchemy.engine import make_url

from gateway.jobs.settings import FILE
from gateway.jobs.store import open_private_folder
from shared.contracts.problems import Problem

_log = logging.getLogger(__name__)

# A connection that was ended is made anew at once; a database that starts again is there within seconds.
_PAUSES = (0.0, 0.1, 0.5, 1.0, 2.0, 4.0)
# Of a request; whoever works on a job waits for as long as it takes.
_ANSWER_SECONDS = 10.0
# A machine that vanished without a word is noticed within a minute, and nobody is connected to it anew.
_SILENCE = {
    "connect_timeout": "5",
    "keepalives_idle": "20",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}

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
        bounded = postgres_url(url)
        driver = make_url(bounded).set(drivername="postgresql+psycopg")
        engine = sqlalchemy.create_engine(driver, **pool, pool_pre_ping=True)
        event.listen(engine, "connect", _prepare_postgres)
        return Database(bounded, engine)
    path = open_private_folder(data_folder) / FILE
    address = f"sqlite:///{path}"
    engine = sqlalchemy.create_engine(address, **pool)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "handle_error", _take_full_disk_for_away)
    return Database(address, engine)


def postgres_url(url: str) -> str:
    """Give a URL for SQLAlchemy and PostgreSQL whose connections end when the server's machine falls silent.

    Args:
        url: `postgresql://...`; what it says itself of time limits stands.
    """
    plain = make_url(url).set(drivername="postgresql")
    return plain.set(query={**_SILENCE, **plain.query}).render_as_string(hide_password=False)


class DatabaseThreads:
    """Threads that ask the database, apart from those that uploads need.

    Args:
        most: calls at once.
    """

    def __init__(self, most: int = 8) -> None:
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="book")

    async def ask(
        self,
        call: Callable[_Parameters, _Found],
        *arguments: _Parameters.args,
        **named: _Parameters.kwargs,
    ) -> _Found:
        """Call in a thread, and wait some seconds for it: a silent database may hold the thread for longer.

        Raises:
            Problem: as `answering`; also where no answer came in time, though what was asked may yet be done.
        """
        with answering():
            asking = asyncio.wrap_future(self._threads.submit(call, *arguments, **named))
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    return await asking
            except TimeoutError as error:
                raise _no_answer() from error

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Turn the errors of a database into problems, whose text holds nothing of what was sent.

    Raises:
        Problem: `service-unavailable` where it is away, `internal-error` where it refuses what it is asked.
    """
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        raise _no_answer() from error
    except exc.DBAPIError as error:
        # PostgreSQL adds the row that it refuses, with the address of a webhook, below the first line.
        why = str(error.orig).partition("\n")[0]
        _log.error("the database of jobs refused a call", extra={"fields": {"why": why}})
        raise Problem("internal-error", "The server met a fault of its own.") from None


def _no_answer() -> Problem:
    return Problem("service-unavailable", "The database of jobs gave no answer.", retry_after=5)


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


def _take_full_disk_for_away(context: sqlalchemy.engine.ExceptionContext) -> None:
    """Have a job wait for its disk as it would wait for a database, for else it never ends.

    Its outcome could not be stored either, and nobody takes up what a living worker has. Whatever is no job
    fails at once, and is tried again by whoever asked: a start that waits would go on beside the next one.
    """
    if DBOS.workflow_id is None:
        return
    error = getattr(context.original_exception, "sqlite_errorname", "")
    if error == "SQLITE_FULL" or error.startswith("SQLITE_IOERR"):
        context.is_disconnect = True
        # Only this connection is at fault, and only while there is no room.
        context.invalidate_pool_on_disconnect = False


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
