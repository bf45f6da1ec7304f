"""HTTP of fusion_service."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import GetPydanticSchema, ValidationError
from pydantic_core.core_schema import no_info_after_validator_function

from fusion_service.columns import FaceRows
from fusion_service.parameters import FusionModel
from fusion_service.settings import FusionSettings
from fusion_service.verdicts import judge_rows
from shared.collection import without_collection
from shared.contracts.base import Many
from shared.contracts.fusion import FrameFaces, FusionRequest, FusionResult, Profile
from shared.inference import InferencePool, network_time
from shared.problem_answers import problem_responses
from shared.request_body import read_body

router = APIRouter(prefix="/v1", tags=["fusion"])

Models = Mapping[Profile, FusionModel]


async def _pool(request: Request) -> InferencePool:
    pool: InferencePool = request.app.state.pool
    return pool


async def _models(request: Request) -> Models:
    models: Models = request.app.state.models
    return models


async def _settings(request: Request) -> FusionSettings:
    settings: FusionSettings = request.app.state.settings
    return settings


PoolOfThreads = Annotated[InferencePool, Depends(_pool)]
LoadedModels = Annotated[Models, Depends(_models)]
Settings = Annotated[FusionSettings, Depends(_settings)]


@router.post(
    "/fusion",
    summary="Faces and segments in; people, moments and a verdict out",
    response_model=FusionResult,
    responses=problem_responses(400, 413, 422, 499, 503, 504),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/FusionRequest"}}},
        }
    },
)
async def fuse(request: Request, pool: PoolOfThreads, models: LoadedModels, settings: Settings) -> Response:
    """Link faces into people over time, lay out the timeline, and join face and voice.

    `null` stands where nothing was seen or heard; moments without anything are left out.
    """
    body = await read_body(request, settings.max_body_bytes)
    try:
        answer = await pool.run(fuse_json, body, models)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from error
    return Response(answer, media_type="application/json")


_ReadRows = Annotated[
    FaceRows,
    GetPydanticSchema(lambda _, read: no_info_after_validator_function(FaceRows.of, read(FrameFaces))),
]


class _RequestInRows(FusionRequest):
    """A request whose frames become rows as each is read: as contracts they fill the memory."""

    frames: Many[_ReadRows] = ()  # type: ignore[assignment]


def fuse_json(body: bytes, models: Models) -> bytes:
    """Answer one request, from JSON to JSON.

    Raises:
        pydantic.ValidationError: the body is not what the contract allows.
        Problem: see `judge_rows`.
    """
    with without_collection():
        wanted = _RequestInRows.model_validate_json(body, strict=True)
        model = models[wanted.profile]
        with network_time(model.manifest.name):
            result = judge_rows(wanted, wanted.frames, model)
        return result.model_dump_json().encode()
