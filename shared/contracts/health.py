"""Health of a service."""

from typing import Literal

from shared.contracts.base import Contract


class Live(Contract):
    """The process answers."""

    status: Literal["live"] = "live"
    service: str
    version: str


class Ready(Contract):
    """The networks are loaded and have run once."""

    status: Literal["ready"] = "ready"
    service: str
    components: dict[str, str]
