"""The options of an analysis, as query parameters."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Query
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from shared.contracts.analyses import Detail
from shared.contracts.base import Contract
from shared.contracts.fusion import LONGEST_SECONDS, Baseline, Profile, Strategy, WantedStrategy
from shared.contracts.media import Modality
from shared.contracts.problems import Problem
from shared.problem_answers import validation_problem

MAX_FPS = 30.0

_Fps = Annotated[float, Field(gt=0, le=MAX_FPS, allow_inf_nan=False)]
_Start = Annotated[float, Field(ge=0, le=LONGEST_SECONDS, allow_inf_nan=False)]
_End = Annotated[float, Field(gt=0, le=LONGEST_SECONDS, allow_inf_nan=False)]


class AnalysisOptions(Contract):
    """What a client asks for."""

    fps: _Fps = 5.0
    modalities: tuple[Modality, ...] = tuple(Modality)
    start: _Start | None = None
    end: _End | None = None
    strategy: WantedStrategy = None
    profile: Profile = Profile.DEFAULT
    detail: Detail = Detail.FRAMES
    baseline: Baseline = Baseline.AUTO

    @field_validator("end")
    @classmethod
    def _after_start(cls, value: float | None, info: ValidationInfo) -> float | None:
        start = info.data.get("start")
        if value is not None and start is not None and value <= start:
            raise PydanticCustomError(
                "too_early", "must be greater than start ({start})", {"start": f"{start:g}"}
            )
        return value


def check_options(given: Mapping[str, object]) -> AnalysisOptions:
    """Give the options; what is not given is at its default.

    Raises:
        Problem: `bad-parameter` for what breaks a rule.
    """
    try:
        return AnalysisOptions.model_validate(given)
    except ValidationError as error:
        raise validation_problem(error) from error


async def read_options(
    *,
    fps: Annotated[_Fps, Query(description="Frames sampled from each second of a film.")] = 5.0,
    modalities: Annotated[
        str,
        Query(description="What to read: `face`, `speech`, or both with a comma.", examples=["face,speech"]),
    ] = "face,speech",
    start: Annotated[_Start | None, Query(description="Begin here, seconds.")] = None,
    end: Annotated[_End | None, Query(description="Stop here, seconds.")] = None,
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
    return check_options(
        {
            "fps": fps,
            "modalities": _modalities(modalities),
            "start": start,
            "end": end,
            "strategy": strategy,
            "profile": profile,
            "detail": detail,
            "baseline": baseline,
        }
    )


def _modalities(listed: str) -> tuple[Modality, ...]:
    names = [name.strip() for name in listed.split(",")]
    known = [modality.value for modality in Modality]
    if not names or any(name not in known for name in names):
        raise Problem("bad-parameter", "modalities must be face, speech, or face,speech.", field="modalities")
    return tuple(modality for modality in Modality if modality.value in names)
