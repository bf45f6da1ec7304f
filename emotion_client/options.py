"""What can be asked of an analysis."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from shared.contracts.analyses import Detail
from shared.contracts.fusion import Baseline, Profile, Strategy
from shared.contracts.media import Modality


class Options(TypedDict, total=False):
    """The options of `POST /v1/analyses`; what is left out is up to the server.

    `fps`: frames read from each second of film. `modalities`: `face`, `speech`, or both. `start` and `end`:
    seconds. `strategy`: how face and voice are joined. `profile`: which networks. `detail`: how much is sent.
    `baseline`: whether the scores of a voice lean on what is usual for it.
    """

    fps: float
    modalities: Sequence[Modality | str]
    start: float
    end: float
    strategy: Strategy | str
    profile: Profile | str
    detail: Detail | str
    baseline: Baseline | str


def query_of(options: Mapping[str, object]) -> dict[str, str]:
    """Give options as query parameters; those that are None are left out."""
    return {
        name: ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        for name, value in options.items()
        if value is not None
    }
