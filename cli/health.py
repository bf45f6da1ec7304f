"""What a service says about its own health."""

from enum import StrEnum

import httpx


class Health(StrEnum):
    """From the outside."""

    READY = "ready"
    LOADING = "loading"  # it answers, and is not ready yet
    FAILED = "failed"  # it says that it cannot become ready
    SILENT = "silent"  # no answer


class NotReadyError(Exception):
    """A service could not load its networks, or not in time."""


class HealthProbe:
    """Asks services for their health.

    Args:
        seconds: longest wait for one answer.
        transport: how to reach them; TCP where not given.
    """

    def __init__(self, *, seconds: float = 5.0, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(
            timeout=seconds, trust_env=False, transport=transport or httpx.AsyncHTTPTransport(trust_env=False)
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(self, url: str) -> Health:
        """Give the health of the service at this base URL."""
        ready = await self._status(f"{url}/health/ready")
        if ready == 200:
            return Health.READY
        if ready is None:
            return Health.SILENT
        live = await self._status(f"{url}/health/live")
        if live == 200:
            return Health.LOADING
        return Health.FAILED if live == 503 else Health.SILENT

    async def life(self, url: str) -> Health:
        """Tell of a service that was ready: it answers (READY), says that it hangs (FAILED), or is SILENT."""
        status = await self._status(f"{url}/health/live")
        if status is None:
            return Health.SILENT
        return Health.FAILED if status == 503 else Health.READY

    async def _status(self, url: str) -> int | None:
        try:
            return (await self._http.get(url)).status_code
        except httpx.HTTPError:
            return None
