"""The options of an analysis, as query parameters."""

from typing import Annotated

from fastapi import Query
from pydantic import Field

from shared.contracts.analyses import Detail
from shared.contracts.base import Contract
from shared.contracts.fusion import Baseline, Profile, Strategy
from shared.contracts.media import Modality
from shared.contracts.problems import Problem

MAX_FPS = 30.0


class AnalysisOptions(Contract):
    """What a client asks for."""

    fps: float = Field(default=5.0, gt=0, le=MAX_FPS)
    modalities: tuple[Modality, ...] = tuple(Modality)
    start: float | None = Field(default=None, ge=0)
    end: float | None = Field(default=None, gt=0)
    strategy: Strategy | None = None
    profile: Profile = Profile.DEFAULT
    detail: Detail = Detail.FRAMES
    baseline: Baseline = Baseline.AUTO


async def read_options(
    *,
    fps: Annotated[
        float, Query(gt=0, le=MAX_FPS, description="Frames sampled from each second of a film.")
    ] = 5.0,
    modalities: Annotated[
        str,
        Query(description="What to read: `face`, `speech`, or both with a comma.", examples=["face,speech"]),
    ] = "face,speech",
    start: Annotated[float | None, Query(ge=0, le=1e6, description="Begin here, seconds.")] = None,
    end: Annotated[float | None, Query(gt=0, le=1e6, description="Stop here, seconds.")] = None,
    strategy: Annotated[
        Strategy | None,
        Query(description="How faces and voice are joined; without it, the profile's own way."),
    ] = None,
    profile: Annotated[Profile, Query(description="Which networks.")] = Profile.DEFAULT,
    detail: Annotated[
        Detail,
        Query(
            description="`summary`: verdicts and people; `timeline`: and moments and segments; `frames`: all."
        ),
    ] = Detail.FRAMES,
    baseline: Annotated[
        Baseline,
        Query(
            description="`auto`: the scores of a voice lean on what is usual for it, once five segments of "
            "it were heard; `speech.baseline` then says so. `off`: they never do."
        ),
    ] = Baseline.AUTO,
) -> AnalysisOptions:
    """Dependency: the options of this request. Not a plain function, which would be run in a thread.

    Raises:
        Problem: `bad-parameter` for what a single parameter's rules cannot say.
    """
    if start is not None and end is not None and end <= start:
        raise Problem("bad-parameter", f"end ({end:g}) must be greater than start ({start:g}).", field="end")
    wanted = _modalities(modalities)
    if strategy in {Strategy.FACE, Strategy.SPEECH} and strategy.value not in wanted:
        raise Problem(
            "bad-parameter",
            f"strategy={strategy.value} needs {strategy.value} among the modalities.",
            field="strategy",
        )
    return AnalysisOptions(
        fps=fps,
        modalities=wanted,
        start=start,
        end=end,
        strategy=strategy,
        profile=profile,
        detail=detail,
        baseline=baseline,
    )


def _modalities(listed: str) -> tuple[Modality, ...]:
    names = [name.strip() for name in listed.split(",")]
    known = [modality.value for modality in Modality]
    if not names or any(name not in known for name in names):
        raise Problem("bad-parameter", "modalities must be face, speech, or face,speech.", field="modalities")
    return tuple(modality for modality in Modality if modality.value in names)
