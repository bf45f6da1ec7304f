"""Two ways to an analysis: a server, or the same pipeline inside this process."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any, Protocol, cast

import httpx
from pydantic import ValidationError

from cli.failures import RefusedError, ServerLostError
from cli.options import Options
from cli.progress import ProgressView
from emotion_client import (
    AsyncClient,
    EmotionError,
    JobCancelledError,
    NoJobsError,
    ProblemError,
    ServerUnreachableError,
    TlsError,
    UnexpectedAnswerError,
)
from emotion_client import Options as ClientOptions
from emotion_client.calls import Patience
from emotion_client.media import UploadProgress
from shared.contracts.analyses import Analysis, Done, Progress
from shared.contracts.health import Ready
from shared.contracts.jobs import Failed

# What is longer goes as a job: it can be followed, and no time limit of a request cuts it off.
LONG_FILM_BYTES = 8 * 1024 * 1024
_ERASE_SECONDS = 5.0
# Whoever waits at a terminal hears soon that there is no server; a server that is full is waited for.
_PATIENCE = Patience(attempts=3, first_pause=0.3)


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
        api_key: where it asks for one.
        transport: how to reach it; TCP where not given.

    Raises:
        emotion_client.UsageError: with these, or the environment's proxy, no call can be sent.
    """

    def __init__(
        self, url: str, *, api_key: str | None = None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._client = AsyncClient(self._url, api_key=api_key, patience=_PATIENCE, transport=transport)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def analyse(self, file: Path, options: Options, progress: ProgressView) -> Analysis:
        """See `Door.analyse`."""
        try:
            return await self._analyse(file, options, progress)
        except OSError as error:
            raise RefusedError.of_os_error(error) from error
        except TlsError as error:
            raise ServerLostError(self._url, error.detail, error.remedy) from error
        except ServerUnreachableError as error:
            raise ServerLostError(self._url, str(error)) from error
        except ProblemError as error:
            raise _refusal(error) from error
        except JobCancelledError as error:
            detail = "Somebody cancelled it on the server."
            raise RefusedError("Cancelled", detail, "Send it again.") from error
        except UnexpectedAnswerError as error:
            remedy = "Check the address, and that server and command line have the same version."
            raise RefusedError("Unknown answer", str(error), remedy) from error

    async def _analyse(self, file: Path, options: Options, progress: ProgressView) -> Analysis:
        wanted = cast("ClientOptions", options.given())
        told = _upload_progress(progress)
        size = await asyncio.to_thread(lambda: file.stat().st_size)
        if size < LONG_FILM_BYTES:
            try:
                return await self._client.analyze(file, on_upload=told, **wanted)
            except ProblemError as problem:
                # Longer than a request may take: as a job, then.
                if problem.name != "deadline-exceeded":
                    raise
        try:
            job = await self._client.submit(file, on_upload=told, **wanted)
        except NoJobsError as answer:
            return answer.analysis
        return await self._follow(job.id, progress)

    async def _follow(self, job_id: str, progress: ProgressView) -> Analysis:
        try:
            async with contextlib.aclosing(self._client.events(job_id)) as events:
                async for event in events:
                    if isinstance(event, Progress):
                        progress.decoded(event.seconds, event.of_seconds, event.frames)
                    elif isinstance(event, Done):
                        return event.analysis
                    elif isinstance(event, Failed):
                        raise ProblemError(event.problem)
            raise JobCancelledError(job_id)
        finally:
            # Whether it is done or nobody waits for it any more: the server is not to keep it.
            with contextlib.suppress(EmotionError, TimeoutError):
                async with asyncio.timeout(_ERASE_SECONDS):
                    await self._client.cancel(job_id)


async def gateway_answers(url: str) -> bool:
    """Tell whether a gateway that is ready answers there, within a second."""
    async with httpx.AsyncClient(timeout=1.0, trust_env=False) as http:
        with contextlib.suppress(httpx.HTTPError, ValidationError):
            answer = await http.get(f"{url}/health/ready")
            return answer.is_success and Ready.model_validate_json(answer.content).service == "gateway"
    return False


def _upload_progress(progress: ProgressView) -> UploadProgress:
    def told(sent: int, total: int) -> None:
        progress.uploaded(sent, total)
        if sent == total:
            progress.waiting()

    return told


def _refusal(error: ProblemError) -> RefusedError:
    problem = error.document
    document: dict[str, Any] = problem.model_dump(mode="json", exclude_none=True)
    return RefusedError(problem.title, problem.detail, problem.remedy, document=document)
