"""Which format a request wants: dependencies of the routes that give an analysis."""

from typing import Annotated

from fastapi import Depends, Request

from gateway.exports.format import ExportFormat
from gateway.exports.negotiation import require_writable, wanted_format
from gateway.options import AnalysisOptions, read_options


async def accepted_format(request: Request) -> ExportFormat | None:
    """Dependency: the format that the `Accept` header wants; None for JSON.

    Raises:
        Problem: `not-acceptable`.
    """
    return wanted_format(", ".join(request.headers.getlist("accept")))


AcceptedFormat = Annotated[ExportFormat | None, Depends(accepted_format)]


async def planned_format(
    wanted: AcceptedFormat, options: Annotated[AnalysisOptions, Depends(read_options)]
) -> ExportFormat | None:
    """Dependency of an upload: the format wanted, refused before any work where `detail` would not do for it.

    Raises:
        Problem: `not-acceptable`.
    """
    if wanted is not None:
        require_writable(wanted, options.detail)
    return wanted


PlannedFormat = Annotated[ExportFormat | None, Depends(planned_format)]
