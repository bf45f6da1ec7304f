"""How a client wants to be answered: `Prefer` (RFC 7240) and `Idempotency-Key` (IETF draft)."""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, Request

from shared.contracts.problems import Problem

_WAIT = re.compile(r'wait\s*=\s*"?(\d{1,6})"?$', re.IGNORECASE)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Preference:
    """What a client asked for beside its options.

    Args:
        respond_async: whether the answer may be a job.
        wait: seconds that it wants to wait before it is one; None where not said.
        idempotency_key: the key under which this request may come again.
    """

    respond_async: bool = False
    wait: float | None = None
    idempotency_key: str | None = None

    @property
    def takes_a_job(self) -> bool:
        """True where the client knows what to do with 202."""
        return self.respond_async or self.wait is not None

    @property
    def waits(self) -> bool:
        """True where the client stays for the analysis, for a while or as long as it takes."""
        return self.wait > 0 if self.wait is not None else not self.respond_async

    @property
    def applied(self) -> str:
        """The value of `Preference-Applied`."""
        parts = ["respond-async"] if self.respond_async else []
        if self.wait is not None:
            parts.append(f"wait={self.wait:g}")
        return ", ".join(parts)


async def read_preference(
    request: Request,
    *,
    prefer: Annotated[  # noqa: ARG001 - tells of the header, which may come on several lines
        str,
        Header(
            description="`respond-async`: answer 202 at once, with the address of the job in `Location`. "
            "`wait=20`: answer within so many seconds, with the analysis if it is ready by then, else 202. "
            "What is not known is ignored (RFC 7240).",
            examples=["respond-async"],
        ),
    ] = "",
    idempotency_key: Annotated[
        str | None,
        Header(
            description="A name for this request, 1 to 255 visible ASCII letters. Sent again with the same "
            "file and options it gives the same analysis, so that a request can be repeated without harm.",
            examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
        ),
    ] = None,
) -> Preference:
    """Dependency: how this client wants to be answered.

    Raises:
        Problem: `bad-parameter` for an Idempotency-Key that is none.
    """
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise Problem(
            "bad-parameter",
            "Idempotency-Key must be 1 to 255 visible ASCII letters.",
            field="Idempotency-Key",
        )
    lines = request.headers.getlist("prefer")
    # Each may have parameters, of which none is known (RFC 7240, section 2).
    wishes = [wish.partition(";")[0].strip() for wish in ",".join(lines).split(",")]
    waits = [found for wish in wishes if (found := _WAIT.match(wish))]
    return Preference(
        respond_async=any(wish.lower() == "respond-async" for wish in wishes),
        # Of several the first counts (RFC 7240, section 2).
        wait=float(waits[0].group(1)) if waits else None,
        idempotency_key=idempotency_key,
    )
