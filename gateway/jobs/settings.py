"""Settings of jobs, as in `EMOTION_JOBS__RETENTION_SECONDS=600`."""

import base64
import importlib.util
import os
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from shared.settings import Seconds, usable_cpus

FILE = "jobs.sqlite"
# As Standard Webhooks has it.
_SIGNING_KEY_MARK = "whsec_"
# More than anybody needs, and a number that every database can hold.
_MOST = 1_000_000


_BUCKET = re.compile(r"s3://[A-Za-z0-9][A-Za-z0-9._-]*(/\S*)?")


def is_postgres_url(text: str) -> bool:
    """Tell whether a database could be asked under this URL, whether or not it is there."""
    # Large libraries, for those who have such a database.
    from psycopg import ProgrammingError  # noqa: PLC0415
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415
    from sqlalchemy.engine import make_url  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    if not re.match(r"postgresql(\+psycopg)?://", text):
        return False
    try:
        url = make_url(text).set(drivername="postgresql")
        conninfo_to_dict(url.render_as_string(hide_password=False))
    except (ArgumentError, ProgrammingError, ValueError):
        return False
    return url.port is None or 1 <= url.port <= 65535


def default_data_folder() -> Path:
    """Give the user's folder for state (XDG), where there is one that may be written, else one in /tmp."""
    base = os.environ.get("XDG_STATE_HOME", "")
    home = Path(base) if base.startswith("/") else Path.home() / ".local" / "state"
    for parent in (home, *home.parents):
        if parent.exists():
            if os.access(parent, os.W_OK | os.X_OK):
                return home / "emotion-server"
            break
    return Path("/tmp") / f"emotion-server-{os.getuid()}"  # noqa: S108 - made with mode 0700, or refused


class JobSettings(BaseModel):
    """Where jobs are kept, who works on them, and for how long they stay."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_folder: Path = Field(
        default_factory=default_data_folder,
        description="Uploads, results and the database of jobs, readable by the server's user only.",
    )
    keep_free_bytes: int | None = Field(
        default=None,
        ge=0,
        description="What uploads and exports leave free on the data folder's disk, bytes: results and "
        "states of jobs that were accepted need it. 512 MiB where not set, at most an eighth of the disk.",
    )
    database_url: str = Field(
        default="",
        description="`postgresql://...` to share jobs among machines; SQLite in the data folder without it.",
    )
    store_url: str = Field(
        default="",
        description="`s3://bucket/prefix` to share uploads among machines; the data folder without it.",
    )
    worker: Literal["embedded", "none"] = Field(
        default="embedded", description="`none`: this gateway accepts jobs and leaves them to other workers."
    )
    at_once: int = Field(
        default_factory=lambda: max(1, usable_cpus() // 2),
        ge=1,
        le=_MOST,
        description="Jobs of one worker at once.",
    )
    most: int = Field(
        default=500, ge=1, le=_MOST, description="Jobs that may wait or run; one more is refused."
    )
    most_per_caller: int = Field(
        default=100, ge=1, le=_MOST, description="Jobs of one key or address that may wait or run."
    )
    seconds: Seconds = Field(default=14_400, description="Longest time for one job.")
    retention_seconds: float = Field(
        default=3600,
        gt=0,
        le=366 * 86_400,
        description="How long a finished job can be fetched before it is erased.",
    )
    poll_seconds: float = Field(
        default=0.5, gt=0, le=60, description="How often the database is asked for news."
    )
    rescue_seconds: float = Field(
        default=5, gt=0, le=3600, description="How often a worker looks for jobs of workers that died."
    )

    @field_validator("database_url")
    @classmethod
    def _can_be_read(cls, value: str) -> str:
        if value and not is_postgres_url(value):
            message = (
                "must be postgresql://user:password@host:port/name, with %40, %3A and %2F for @, : and / in "
                "a password, and options as PostgreSQL names them"
            )
            raise ValueError(message)
        return value

    @field_validator("store_url")
    @classmethod
    def _names_a_bucket(cls, value: str) -> str:
        if not value:
            return value
        if not _BUCKET.fullmatch(value):
            message = "must be s3://bucket or s3://bucket/prefix"
            raise ValueError(message)
        if importlib.util.find_spec("obstore") is None:
            message = "needs the extra s3: pip install '.[gateway,s3]'"
            raise ValueError(message)
        return value

    @property
    def at_once_here(self) -> int:
        """Jobs at once in this process; 0 where they are left to other workers."""
        return self.at_once if self.worker == "embedded" else 0

    @property
    def may_exist(self) -> bool:
        """Whether jobs may have been kept already."""
        return bool(self.database_url) or (self.data_folder / FILE).exists()


class WebhookSettings(BaseModel):
    """How a `callback_url` is called."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: SecretStr | None = Field(
        default=None,
        description="`whsec_` and 24 to 64 bytes in base64, for the signature. Without it `callback_url` is "
        "refused.",
    )
    private_addresses: bool = Field(
        default=False, description="Whether loopback, private and link-local addresses may be called."
    )
    attempts: int = Field(default=6, ge=1, le=20, description="Most deliveries that are tried.")
    first_pause_seconds: float = Field(
        default=5, gt=0, le=3600, description="Pause after the first failure; it doubles."
    )
    seconds: Seconds = Field(default=10, description="Longest time for one delivery.")

    @field_validator("secret")
    @classmethod
    def _is_as_the_standard_says(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _is_secret(value.get_secret_value()):
            message = "must be whsec_ and the base64 of 24 to 64 random bytes (Standard Webhooks)"
            raise ValueError(message)
        return value


def _is_secret(text: str) -> bool:
    try:
        key = base64.b64decode(text.removeprefix(_SIGNING_KEY_MARK), validate=True)
    except ValueError:
        return False
    return text.startswith(_SIGNING_KEY_MARK) and 24 <= len(key) <= 64
