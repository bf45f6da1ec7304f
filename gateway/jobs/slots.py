"""Names of workers, each held by one living process: a lock that its death frees, with no clock involved."""

import contextlib
import fcntl
import os
import secrets
from pathlib import Path
from typing import Protocol

import psycopg

from gateway.jobs.database import postgres_url
from gateway.jobs.store import open_private_folder

_MOST_WORKERS = 1000
# Advisory locks are named by 32 bits with a sign.
_MOST_NUMBERS = 1 << 31
# Any number will do, so long as nobody else takes advisory locks with it: "emo" in ASCII.
_LOCK_CLASS = 0x656D6F


class Slots(Protocol):
    """Hands out numbers; a number is free when nobody holds it or its holder died."""

    may_be_lost: bool
    """Whether a living holder can lose its number, and know of it only later."""

    def take_one(self) -> int:
        """Take a slot to work under.

        Raises:
            RuntimeError: a thousand workers live already.
        """

    def take(self, slot: int) -> bool:
        """Take this slot if it is free."""

    def give_back(self, slot: int) -> None:
        """Free a slot of ours."""

    def still_held(self) -> bool:
        """Tell whether what was taken is still ours; not so after the connection to the locks broke."""

    def close(self) -> None:
        """Free everything."""


class FileSlots:
    """Locks on files of this machine (flock: the kernel frees them when the process ends).

    Args:
        folder: made where there is none.
    """

    may_be_lost = False

    def __init__(self, folder: Path) -> None:
        self._folder = open_private_folder(folder)
        self._held: dict[int, int] = {}

    def take_one(self) -> int:
        """Take the first that is free: a dead worker's, so that its jobs go on at once."""
        for slot in range(_MOST_WORKERS):
            if self.take(slot):
                return slot
        message = f"all {_MOST_WORKERS} worker slots are taken"
        raise RuntimeError(message)

    def take(self, slot: int) -> bool:
        """See `Slots`."""
        if slot in self._held:
            return False
        descriptor = os.open(self._folder / f"{slot}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._held[slot] = descriptor
        return True

    def give_back(self, slot: int) -> None:
        """See `Slots`."""
        os.close(self._held.pop(slot))

    def still_held(self) -> bool:
        """See `Slots`."""
        return True

    def close(self) -> None:
        """See `Slots`."""
        for slot in list(self._held):
            self.give_back(slot)


class PostgresSlots:
    """Advisory locks of one session: PostgreSQL frees them when the connection ends.

    Args:
        url: `postgresql://...`, as SQLAlchemy reads it.

    Raises:
        psycopg.OperationalError: it cannot be reached.
    """

    may_be_lost = True

    def __init__(self, url: str) -> None:
        # The server too notices within a minute that we vanished, and frees our lock; after hours by its own
        # settings.
        self._connection = psycopg.connect(
            postgres_url(url),
            autocommit=True,
            application_name="emotion-worker",
            options="-c tcp_keepalives_idle=20 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3",
        )

    def take_one(self) -> int:
        """Take one that nobody had before: who lost its own may not know yet, and still works under it."""
        while not self.take(slot := secrets.randbelow(_MOST_NUMBERS)):
            pass
        return slot

    def take(self, slot: int) -> bool:
        """See `Slots`."""
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (_LOCK_CLASS, slot)).fetchone()
        return bool(row and row[0])

    def give_back(self, slot: int) -> None:
        """See `Slots`."""
        self._connection.execute("SELECT pg_advisory_unlock(%s, %s)", (_LOCK_CLASS, slot))

    def still_held(self) -> bool:
        """See `Slots`."""
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def close(self) -> None:
        """See `Slots`."""
        with contextlib.suppress(psycopg.Error):
            self._connection.close()
