"""What a user asks of an analysis; what is left out is up to the server."""

from dataclasses import dataclass

from shared.contracts.analyses import Detail
from shared.contracts.fusion import Baseline, Profile, Strategy
from shared.contracts.media import Modality


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `POST /v1/analyses`; None leaves one at its default.

    Args:
        fps: frames sampled from each second of a film, above 0 to 30.
        modalities: what to read.
        start: seconds to begin at.
        end: seconds to stop at.
        strategy: how face and speech are joined.
        profile: which networks.
        detail: how much comes back.
        baseline: whether the scores of a voice lean on what is usual for it.
    """

    fps: float | None = None
    modalities: tuple[Modality, ...] | None = None
    start: float | None = None
    end: float | None = None
    strategy: Strategy | None = None
    profile: Profile | None = None
    detail: Detail | None = None
    baseline: Baseline | None = None

    def given(self) -> dict[str, object]:
        """Give the options that are not None, by name."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in values.items() if value is not None}

    def query(self) -> dict[str, str]:
        """Give them as query parameters."""
        return {
            name: ",".join(value) if isinstance(value, tuple) else f"{value}"
            for name, value in self.given().items()
        }


def parse_modalities(listed: str) -> tuple[Modality, ...]:
    """Read `face`, `speech` or `face,speech`.

    Raises:
        ValueError: anything else.
    """
    names = [name.strip() for name in listed.split(",")]
    if unknown := [name for name in names if name not in set(Modality)]:
        raise ValueError(f"{unknown[0]!r} is not one of face, speech")
    return tuple(modality for modality in Modality if modality in names)
