"""Where frames and sound of a stream went."""

from dataclasses import asdict, dataclass, field

from shared.contracts.live import FrameCounts, SoundCounts


@dataclass(slots=True)
class Frames:
    """Numbers of frames; see `FrameCounts`."""

    received: int = 0
    skipped: int = 0
    dropped: int = 0
    read: int = 0
    lost: int = 0

    def shown(self) -> FrameCounts:
        """Give them as they are sent."""
        return FrameCounts(**asdict(self))


@dataclass(slots=True)
class Sound:
    """Seconds of sound; see `SoundCounts`."""

    received: float = 0.0
    dropped: float = 0.0
    read: float = 0.0
    lost: float = 0.0

    def shown(self) -> SoundCounts:
        """Give them as they are sent."""
        return SoundCounts(**{name: round(seconds, 3) for name, seconds in asdict(self).items()})


@dataclass(slots=True)
class Counts:
    """Frames and sound of one stream."""

    frames: Frames = field(default_factory=Frames)
    sound: Sound = field(default_factory=Sound)
