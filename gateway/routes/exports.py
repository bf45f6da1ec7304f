"""A finished analysis by its suffix, `GET /v1/analyses/{id}.csv`, for tools that cannot say `Accept`."""

import json
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Path as PathParameter
from fastapi.responses import Response

from gateway.callers import CallerOf
from gateway.exports.answers import example_content
from gateway.exports.format import ExportFormat
from gateway.exports.formats import FORMATS
from gateway.exports.negotiation import format_of_suffix
from gateway.routes.jobs import AnalysisId, exported_job
from shared.contracts.analyses import Analysis
from shared.problem_answers import problem_responses

router = APIRouter(prefix="/v1", tags=["exports"])

_EXAMPLE = Analysis.model_validate(json.loads(Path(__file__).with_name("example_analysis.json").read_bytes()))


def _add_route(export: ExportFormat) -> None:
    async def export_analysis(request: Request, analysis_id: AnalysisId, caller: CallerOf) -> Response:
        return await exported_job(request.app.state.jobs, analysis_id, caller, export)

    router.add_api_route(
        f"/analyses/{{analysis_id}}.{export.name}",
        export_analysis,
        name=f"export_{export.name.replace('.', '_')}",
        summary=f"A finished analysis as {export.media_type}",
        description=export.summary,
        response_class=Response,
        responses={
            200: {"content": {export.media_type: example_content(export, _EXAMPLE)}},
            **problem_responses(401, 404, 406, 409, 422, 500, 503),
        },
    )


# Longest first: `.moments.csv` ends with `.csv` as well.
for _export in sorted(FORMATS, key=lambda export: -len(export.name)):
    _add_route(_export)


@router.get("/analyses/{analysis_id}.{suffix}", include_in_schema=False)
async def refuse_suffix(
    analysis_id: AnalysisId, suffix: Annotated[str, PathParameter()], caller: CallerOf
) -> Response:
    """Say which suffixes there are."""
    del analysis_id, caller
    format_of_suffix(suffix)
    raise AssertionError("every known suffix has a route of its own")
