"""Settings that every service has; each service adds its own in its `settings.py`."""

import os
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSettingsError


def usable_cpus() -> int:
    """Count the CPUs that this process may use: its affinity, cut by the control group's quota (v1 or v2)."""
    cpus = float(len(os.sched_getaffinity(0)))
    for quota in (_quota_v2(), _quota_v1()):
        if quota is not None:
            cpus = min(cpus, quota)
    return max(1, round(cpus))


def _quota_v2() -> float | None:
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:  # noqa: PTH123 - kernel file
            quota, period = file.read().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)


def _quota_v1() -> float | None:
    try:
        with open("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", encoding="ascii") as file:  # noqa: PTH123 - kernel file
            quota = int(file.read())
        with open("/sys/fs/cgroup/cpu/cpu.cfs_period_us", encoding="ascii") as file:  # noqa: PTH123 - kernel file
            period = int(file.read())
    except (OSError, ValueError):
        return None
    return None if quota <= 0 else quota / period


# A week: longer than anything here is meant to take, and short enough for every clock.
Seconds = Annotated[float, Field(gt=0, le=7 * 86_400)]

# Of a WebSocket, whatever a service allows.
MAX_MESSAGE_BYTES = 4 << 20


class SettingsError(Exception):
    """Settings in the environment are wrong; the message names each."""


class ServiceSettings(BaseSettings):
    """Read from the environment, prefix `EMOTION_`; a wrong value stops the start with its name."""

    model_config = SettingsConfigDict(
        env_prefix="EMOTION_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    # An empty one would be every address that there is.
    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    listener: int | None = Field(
        default=None, ge=3, description="Descriptor of a socket that listens there already."
    )
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        default_factory=usable_cpus, description="CPU budget: inference threads of this service."
    )
    inference_queue: int = Field(
        default=32, ge=0, le=10_000, description="Calls that may wait for an inference thread."
    )
    hang_seconds: Seconds = Field(
        default=60.0,
        description="So long after its deadline a call still in its inference thread counts as hanging.",
    )
    max_body_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1024, description="Longest request body of an inner service, bytes."
    )
    request_seconds: float = Field(
        default=300.0,
        gt=0,
        le=86_400,
        description="Longest time for one request without a deadline of its own.",
    )
    shutdown_seconds: int = Field(
        default=20, ge=1, le=600, description="How long running requests may finish at a stop."
    )


# What making settings raises: a value is wrong, or what stands for a whole group of them is no JSON.
WRONG_SETTINGS = (ValidationError, UnreadableSettingsError)


def told_in_words(error: ValidationError | UnreadableSettingsError) -> SettingsError:
    """Name the variables that are wrong, and say why; their values, which may be secrets, are left out."""
    if isinstance(error, ValidationError):
        return SettingsError("; ".join(map(_in_words, error.errors())))
    return SettingsError(str(error))


def _in_words(fault: object) -> str:
    match fault:
        case {"loc": tuple(names), "msg": message}:
            # Numbers are places in a list, which is one variable.
            name = "__".join(part.upper() for part in names if isinstance(part, str))
            return f"EMOTION_{name}: {str(message).removeprefix('Value error, ')}"
    return str(fault)
