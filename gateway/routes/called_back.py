"""What is sent to a `callback_url`, for the OpenAPI document: nobody calls these routes here."""

from typing import Annotated

from fastapi import APIRouter, Header

from shared.contracts.jobs import JobEnded

router = APIRouter(generate_unique_id_function=lambda route: route.name)


@router.post(
    "{$request.query.callback_url}",
    summary="A job has ended",
    status_code=204,
    responses={
        204: {"description": "Taken; so is any other status of 200 to 299."},
        "default": {"description": "Not taken: it is sent again after a while, some times. docs/jobs.md"},
    },
)
async def job_ended(
    told: JobEnded,
    webhook_id: Annotated[str, Header(description="The same whenever it is sent again.")],
    webhook_timestamp: Annotated[int, Header(description="When it was sent, seconds since 1970.")],
    webhook_signature: Annotated[str, Header(description="As Standard Webhooks say.")],
) -> None:
    """Told once a job, when it has succeeded, failed or been cancelled; the rest is at its address."""
