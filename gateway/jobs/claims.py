"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header): one key, one job.

A claim is an object in the store that can be made only once, so that two gateways agree on who came first.
"""

import hashlib
import json

from gateway.jobs.store import Store
from shared.contracts.problems import Problem

GROUP = "claims"


class Claims:
    """Which job a key of an owner stands for.

    Args:
        store: where claims lie.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @staticmethod
    def name(owner: str, key: str) -> str:
        """Give the name of a claim: nobody can read the key from it."""
        return f"{GROUP}/{hashlib.sha256(json.dumps([owner, key]).encode()).hexdigest()}"

    async def holder(self, claim: str, digest: str) -> str | None:
        """Give the id of the job that the key stands for already; None where it is free.

        Raises:
            Problem: as `take`.
        """
        found = await self._store.get(claim)
        return None if found is None else _job_of(found, digest)

    async def take(self, claim: str, job_id: str, digest: str) -> str:
        """Claim the key for a job.

        Args:
            claim: from `name`.
            job_id: of the job that is to be made.
            digest: of body and options.

        Returns:
            The id of the job that the key stands for: `job_id`, or that of who came first.

        Raises:
            Problem: `idempotency-key-reused` where the first came with another digest.
        """
        mine = json.dumps({"job": job_id, "digest": digest}).encode()
        for _ in range(3):
            if await self._store.create(claim, mine):
                return job_id
            if (found := await self._store.get(claim)) is not None:
                return _job_of(found, digest)
            # Erased between the two looks.
        raise Problem("overloaded", "This Idempotency-Key is being erased.", retry_after=1)


def _job_of(claim: bytes, digest: str) -> str:
    first = json.loads(claim)
    if first["digest"] != digest:
        raise Problem(
            "idempotency-key-reused",
            "This Idempotency-Key came before with another file or other options.",
            field="Idempotency-Key",
        )
    return str(first["job"])


def job_of_claim(claim: bytes) -> str | None:
    """Give the job of a claim; None where it is not one."""
    try:
        return str(json.loads(claim)["job"])
    except (ValueError, KeyError, TypeError):
        return None
