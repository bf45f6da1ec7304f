"""Analyses inside this process: the pipeline's own events, no server."""

import contextlib
import logging
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from cli.failures import RefusedError
from cli.house import read_house
from cli.options import Options
from cli.progress import ProgressView
from cli.single_process import apps_in_this_process
from gateway.jobs.settings import JobSettings
from gateway.options import check_options
from gateway.pipeline import PipelineTools, analyse
from shared.contracts.analyses import Analysis, Done, Progress
from shared.contracts.problems import Problem
from shared.logs import configure_logs


class LocalDoor:
    """A `Door` that leads to the pipeline itself.

    Args:
        tools: decoders and services, started.
    """

    def __init__(self, tools: PipelineTools) -> None:
        self._tools = tools

    async def analyse(self, file: Path, options: Options, progress: ProgressView) -> Analysis:
        """See `Door.analyse`."""
        try:
            file.open("rb").close()
            return await self._follow(file, options, progress)
        except OSError as error:
            raise RefusedError.of_os_error(error) from error
        except Problem as problem:
            raise RefusedError.of_problem(problem) from problem

    async def _follow(self, file: Path, options: Options, progress: ProgressView) -> Analysis:
        wanted = check_options(options.given())
        async with contextlib.aclosing(analyse(file, wanted, self._tools)) as events:
            async for event in events:
                if isinstance(event, Progress):
                    progress.decoded(event.seconds, event.of_seconds, event.frames)
                elif isinstance(event, Done):
                    return event.analysis
        raise AssertionError("the pipeline ended without an analysis")


@contextlib.asynccontextmanager
async def open_local_door() -> AsyncIterator[LocalDoor]:
    """Start the services in this process and load their networks.

    Raises:
        SettingsError: a setting in the environment is wrong.
        NotReadyError: a network cannot be loaded.
    """
    _keep_logs_to_whom_they_concern()
    house = read_house()
    # One file after the other: one decoder process is enough.
    # And the jobs of a server are no work for this process.
    jobs = JobSettings(data_folder=Path(os.devnull), worker="none")
    house = replace(house, gateway=house.gateway.model_copy(update={"max_analyses": 1, "jobs": jobs}))
    async with (
        apps_in_this_process(house) as apps,
        apps.gateway.router.lifespan_context(apps.gateway),
    ):
        await apps.wait_until_ready()
        yield LocalDoor(apps.gateway.state.tools)


def _keep_logs_to_whom_they_concern() -> None:
    """Show the services' logs only where the user asks for them by `EMOTION_LOG_LEVEL`."""
    if level := os.environ.get("EMOTION_LOG_LEVEL"):
        configure_logs("emotion", level)
    else:
        logging.getLogger().addHandler(logging.NullHandler())
