"""`GET /v1/models` and `GET /v1/limits`."""

import asyncio

from fastapi import APIRouter, Depends, Request

from gateway.callers import read_caller
from gateway.contracts import Limits
from gateway.options import MAX_FPS
from gateway.services import list_models
from gateway.settings import GatewaySettings
from shared.client import ServiceClient, ServiceDownError
from shared.contracts.manifests import ModelList
from shared.contracts.problems import Problem
from shared.problem_answers import problem_responses

router = APIRouter(prefix="/v1", tags=["information"], dependencies=[Depends(read_caller)])


@router.get("/models", summary="Which networks answer?", responses=problem_responses(401, 422, 503))
async def models(request: Request) -> ModelList:
    """Give the networks of all services in short: what they do, how well, under which licence."""
    clients: tuple[ServiceClient, ...] = request.app.state.clients
    try:
        lists = await asyncio.gather(*(list_models(client) for client in clients))
    except ServiceDownError as error:
        raise Problem(
            "service-unavailable", f"{error.service}_service gave no answer.", retry_after=2
        ) from error
    return ModelList(models=tuple(model for found in lists for model in found.models))


@router.get("/limits", summary="Which limits hold?", responses=problem_responses(401, 422, 503))
async def limits(request: Request) -> Limits:
    """Give every limit with its value."""
    settings: GatewaySettings = request.app.state.settings
    return Limits(
        max_upload_bytes=settings.max_upload_bytes,
        max_analyses=settings.max_analyses,
        max_waiting=settings.max_waiting,
        max_faces=settings.max_faces,
        max_faces_in_all=settings.max_faces_in_all,
        max_fps=MAX_FPS,
        request_seconds=settings.request_seconds,
        upload_idle_seconds=settings.upload_idle_seconds,
        upload_min_bytes_per_second=settings.upload_min_bytes_per_second,
        max_jobs=settings.jobs.most,
        max_jobs_per_caller=settings.jobs.most_per_caller,
        max_analyses_per_caller=settings.max_analyses_per_caller,
        job_seconds=settings.jobs.seconds,
        retention_seconds=settings.jobs.retention_seconds,
        max_live_streams=settings.live.max_streams,
        live=settings.live.shown(),
        media=settings.media,
    )
