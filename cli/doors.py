"""Two ways to an analysis: a server, or the same pipeline inside this process."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import httpx
from pydantic import ValidationError

from cli.failures import RefusedError, ServerLostError
from cli.options import Options
from cli.progress import ProgressView
from shared.contracts.analyses import Analysis
from shared.contracts.health import Ready
from shared.contracts.problems import MEDIA_TYPE, ProblemDocument

_PIECE = 256 * 1024
# The server gives every request a deadline of its own; this one is for a server that has vanished.
_LONGEST_ANSWER_SECONDS = 3600.0


class Door(Protocol):
    """Analyses files."""

    async def analyse(self, file: Path, options: Options, progress: ProgressView) -> Analysis:
        """Analyse one file.

        Raises:
            RefusedError: this file cannot be analysed.
            ServerLostError: no file can be.
        """


class ServerDoor:
    """A gateway somewhere.

    Args:
        url: its base URL.
        transport: how to reach it; TCP where not given.
    """

    def __init__(self, url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._http = httpx.AsyncClient(
            base_url=self._url,
            timeout=httpx.Timeout(_LONGEST_ANSWER_SECONDS, connect=5.0),
            transport=transport,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def analyse(self, file: Path, options: Options, progress: ProgressView) -> Analysis:
        """See `Door.analyse`."""
        try:
            with file.open("rb") as opened:
                answer = await self._post(opened, options, progress)
        except OSError as error:
            raise RefusedError.of_os_error(error) from error
        except httpx.TransportError as error:
            raise ServerLostError(self._url, _in_words(error)) from error
        if not answer.is_success:
            raise _refusal(answer)
        try:
            return Analysis.model_validate_json(answer.content)
        except ValidationError as error:
            raise RefusedError(
                "Unknown answer",
                f"{self._url} answered with something that is not an analysis of this version.",
                "Check the address, and that server and command line have the same version.",
            ) from error

    async def _post(self, opened: BinaryIO, options: Options, progress: ProgressView) -> httpx.Response:
        size = os.fstat(opened.fileno()).st_size
        headers = {"content-type": "application/octet-stream", "content-length": str(size)}
        content = _pieces(opened, size, progress)
        return await self._http.post("/v1/analyses", params=options.query(), content=content, headers=headers)


async def gateway_answers(url: str) -> bool:
    """Tell whether a gateway that is ready answers there, within a second."""
    async with httpx.AsyncClient(timeout=1.0, trust_env=False) as http:
        with contextlib.suppress(httpx.HTTPError, ValidationError):
            answer = await http.get(f"{url}/health/ready")
            return answer.is_success and Ready.model_validate_json(answer.content).service == "gateway"
    return False


async def _pieces(opened: BinaryIO, size: int, progress: ProgressView) -> AsyncIterator[bytes]:
    """Give exactly `size` bytes: a file that grows meanwhile would break the announced length."""
    left = size
    while left and (piece := await asyncio.to_thread(opened.read, min(left, _PIECE))):
        left -= len(piece)
        yield piece
        progress.uploaded(size - left, size)
    progress.waiting()


def _in_words(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.ConnectError):
        return "nothing answers there."
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time."
    return "the connection broke before the answer."


def _refusal(answer: httpx.Response) -> RefusedError:
    if answer.headers.get("content-type", "").startswith(MEDIA_TYPE):
        with contextlib.suppress(ValidationError):
            problem = ProblemDocument.model_validate_json(answer.content)
            document: dict[str, Any] = problem.model_dump(mode="json", exclude_none=True)
            return RefusedError(problem.title, problem.detail, problem.remedy, document=document)
    return RefusedError(
        "Unknown answer",
        f"{answer.url.copy_with(query=None)} answered {answer.status_code} without saying why.",
        "Check that the address is that of an emotion server.",
    )
