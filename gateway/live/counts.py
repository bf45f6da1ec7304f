"""Where frames and sound of a stream went."""

from dataclasses import dataclass, field

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
        return FrameCounts(
            received=self.received,
            skipped=self.skipped,
            dropped=self.dropped,
            read=self.read,
            lost=self.lost,
        )


@dataclass(slots=True)
class Sound:
    """Seconds of sound; see `SoundCounts`."""

    received: float = 0.0
    dropped: float = 0.0
    read: float = 0.0
    lost: float = 0.0

    def shown(self) -> SoundCounts:
        """Give them as they are sent."""
        return SoundCounts(
            received=round(self.received, 3),
            dropped=round(self.dropped, 3),
            read=round(self.read, 3),
            lost=round(self.lost, 3),
        )


@dataclass(slots=True)
class Counts:
    """Both."""

    frames: Frames = field(default_factory=Frames)
    sound: Sound = field(default_factory=Sound)
