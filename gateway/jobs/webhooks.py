"""Calls of a `callback_url`, signed as Standard Webhooks say: id and state of a job, nothing else."""

import asyncio
import logging
from datetime import UTC, datetime

import httpx
from standardwebhooks.webhooks import Webhook

from gateway.jobs.public_addresses import AddressRefusedError, NoAnswerError, resolve_in_thread
from gateway.jobs.settings import WebhookSettings
from shared.contracts.jobs import JobEnded, JobState

_log = logging.getLogger(__name__)


class Webhooks:
    """Delivers.

    Args:
        settings: secret, limits, and where calls may go.
    """

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._signer = None if settings.secret is None else Webhook(settings.secret.get_secret_value())

    def pauses(self) -> list[float]:
        """Give the seconds before each delivery: none before the first, then twice as many each time."""
        first = self._settings.first_pause_seconds
        return [0.0] + [first * 2**number for number in range(self._settings.attempts - 1)]

    def deliver(self, url: str, job_id: str, state: JobState, ended: datetime) -> bool:
        """Call once; tell whether it was taken (any status of 200 to 299). For threads without an event loop.

        Redirects are not followed.

        Args:
            url: whom to call.
            job_id: which job ended.
            state: how.
            ended: when.
        """
        if self._signer is None:
            _log.warning("a webhook was not taken", extra={"fields": {"job": job_id, "why": "no secret"}})
            return False
        message_id = f"msg_{job_id}_{state}"
        now = datetime.now(UTC)
        told = {"type": f"analysis.{state}", "timestamp": ended, "data": {"id": job_id, "state": state}}
        body = JobEnded.model_validate(told).model_dump_json()
        signature = self._signer.sign(message_id, now, body)
        try:
            headers = {
                "content-type": "application/json",
                "user-agent": "emotion-server",
                "webhook-id": message_id,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": signature,
            }
            status = asyncio.run(self._post(url, headers, body))
        except (AddressRefusedError, NoAnswerError, httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            _log.warning(
                "a webhook was not taken", extra={"fields": {"job": job_id, "why": type(error).__name__}}
            )
            return False
        if not 200 <= status < 300:
            _log.warning("a webhook was not taken", extra={"fields": {"job": job_id, "status": status}})
        return 200 <= status < 300

    async def _post(self, url: str, headers: dict[str, str], body: str) -> int:
        """Send; the certificate must be that of the name, and what is answered is not read.

        Raises:
            AddressRefusedError, NoAnswerError: as `resolve`.
            TimeoutError: no answer, or not all of its head, in the time for one delivery.
        """
        limit = self._settings.seconds
        # The client's own is for each read: a byte now and then would hold it for ever.
        async with asyncio.timeout(limit):
            looking = resolve_in_thread(url, private=self._settings.private_addresses)
            target = await asyncio.wrap_future(looking)
            async with (
                httpx.AsyncClient(timeout=limit, follow_redirects=False, trust_env=False) as client,
                client.stream(
                    "POST",
                    target.url,
                    content=body,
                    headers={"host": target.host, **headers},
                    extensions={"sni_hostname": target.name},
                ) as answer,
            ):
                return answer.status_code
