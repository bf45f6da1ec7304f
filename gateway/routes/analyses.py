"""`POST /v1/analyses`."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from gateway.admission import Admission
from gateway.callbacks import read_callback
from gateway.callers import CallerOf
from gateway.connection import while_connected
from gateway.exports.answers import analysis_answer, example_contents
from gateway.fairness import Fairness
from gateway.options import AnalysisOptions, read_options
from gateway.patience import refuse_in_vain
from gateway.pipeline import PipelineTools, analyse, analysis_of
from gateway.preferences import Preference, read_preference
from gateway.routes import called_back
from gateway.routes.accepted import PlannedFormat
from gateway.routes.jobs import JOB_ANSWERS, JOB_HEADERS, JobWish, post_job
from gateway.upload import UploadRules, receive_upload
from shared.contracts.analyses import Analysis
from shared.problem_answers import problem_responses

router = APIRouter(prefix="/v1", tags=["analyses"])


_EXAMPLE = json.loads(Path(__file__).with_name("example_analysis.json").read_bytes())

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file: as the part `file` of a form, or as the body itself. Then its media type "
        "may be its own, be it listed here or not, or `application/octet-stream`: it is told from the bytes.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            **{
                media_type: {"schema": {"type": "string", "format": "binary"}}
                for media_type in (
                    "application/octet-stream",
                    "video/mp4",
                    "video/webm",
                    "audio/wav",
                    "audio/mpeg",
                    "image/jpeg",
                    "image/png",
                )
            },
        },
    }
}


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The analysis, in the format that `Accept` asks for; JSON where it does not. "
        "`Location` stands there where it was made as a job: with `Prefer` or `Idempotency-Key`.",
        "headers": JOB_HEADERS,
        "content": {
            "application/json": {"example": _EXAMPLE},
            **example_contents(Analysis.model_validate(_EXAMPLE)),
        },
    },
    **JOB_ANSWERS,
    **problem_responses(400, 401, 406, 408, 409, 413, 415, 422, 429, 499, 500, 503, 504),
}


@router.put(
    "/analyses",
    summary="The same as POST, for tools that send files with PUT, such as curl -T",
    name="put_analysis",
    response_model=Analysis,
    responses=_RESPONSES,
    openapi_extra=_BODY,
)
@router.post(
    "/analyses",
    summary="Analyse a picture, a sound or a film",
    response_model=Analysis,
    responses=_RESPONSES,
    openapi_extra=_BODY,
    callbacks=called_back.router.routes,
)
async def post_analysis(  # noqa: PLR0917 - FastAPI calls it by name
    request: Request,
    caller: CallerOf,
    options: Annotated[AnalysisOptions, Depends(read_options)],
    preference: Annotated[Preference, Depends(read_preference)],
    callback_url: Annotated[str | None, Depends(read_callback)],
    export: PlannedFormat,
) -> Response:
    """Upload a file and get back who is in it, what their faces and voice express, and one fused emotion.

    What the file is, is read from its bytes; its name and declared type do not matter. For a long film send
    `Prefer: respond-async`: the answer is a job, which goes on without you.
    """
    fairness: Fairness = request.app.state.fairness
    with fairness.enter(caller):
        if preference.takes_a_job or preference.idempotency_key is not None:
            wish = JobWish(options, caller, preference, callback_url, export)
            return await post_job(request, wish)
        return await analysis_answer(await _analyse_now(request, options), export)


async def _analyse_now(request: Request, options: AnalysisOptions) -> Analysis:
    admission: Admission = request.app.state.admission
    tools: PipelineTools = request.app.state.tools
    rules: UploadRules = request.app.state.upload_rules
    async with admission.enter():
        began = time.perf_counter()
        with await receive_upload(request, rules) as file:
            receive_ms = (time.perf_counter() - began) * 1000
            upload = Path(f"/proc/self/fd/{file.fileno()}")

            async def work() -> Analysis:
                async with admission.turn():
                    events = analyse(upload, options, tools, receive_ms=receive_ms)
                    return await analysis_of(refuse_in_vain(events, options.start or 0.0))

            return await while_connected(request, work())
