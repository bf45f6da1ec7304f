"""A finished analysis as an HTTP answer: JSON, or the format that the client wants."""

import asyncio
import re
from typing import Any

from fastapi.responses import Response

from gateway.exports.format import ExportFormat, detail_of
from gateway.exports.formats import FORMATS
from gateway.exports.negotiation import require_writable
from shared.contracts.analyses import Analysis


async def analysis_answer(analysis: Analysis, export: ExportFormat | None) -> Response:
    """Answer with an analysis, written whole: who reads slowly holds what is left of a document, no objects.

    Args:
        analysis: finished.
        export: the format; None for JSON.

    Raises:
        Problem: `not-acceptable` when the analysis lacks what the format shows.
    """
    if export is None:
        return Response(analysis.model_dump_json(), headers={"vary": "Accept"}, media_type="application/json")
    require_writable(export, detail_of(analysis))
    document = await asyncio.to_thread(export.document, analysis)
    return Response(document, headers=export_headers(export, analysis.id))


def export_headers(export: ExportFormat, analysis_id: str) -> dict[str, str]:
    """Give the headers of an analysis in one format."""
    return {
        "content-type": export.content_type,
        "content-disposition": f'attachment; filename="{_file_name(analysis_id)}.{export.name}"',
        "vary": "Accept",
    }


def _file_name(identifier: str) -> str:
    """Give an id without what a header or a file system would trip over."""
    return re.sub(r"[^A-Za-z0-9_]", "", identifier)


def example_contents(analysis: Analysis) -> dict[str, Any]:
    """Give the content of a 200 in every format, for OpenAPI: media type to schema and example."""
    return {export.media_type: example_content(export, analysis) for export in FORMATS}


def example_content(export: ExportFormat, analysis: Analysis) -> dict[str, Any]:
    """Give schema and example of one format."""
    text = export.document(analysis).decode()
    return {"schema": {"type": "string", "description": export.summary}, "example": text}
