"""Limits of live streams, as in `EMOTION_LIVE__MAX_SECONDS=600`."""

from pydantic import BaseModel, ConfigDict, Field

from gateway.media.limits import MediaLimits
from shared.contracts.live import LiveLimits
from shared.settings import MAX_MESSAGE_BYTES, Seconds, usable_cpus


class LiveSettings(BaseModel):
    """What a stream may be, and how many there may be at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_streams: int = Field(
        default_factory=lambda: 4 * usable_cpus(), ge=1, description="Live streams at once."
    )
    opening_seconds: Seconds = Field(default=10.0, description="Longest wait for the opening message.")
    max_seconds: Seconds = Field(default=3600.0, description="Longest stream, seconds.")
    idle_seconds: Seconds = Field(default=15.0, description="Longest pause without media, seconds.")
    max_bytes: int = Field(default=2 << 30, ge=1024, description="Most bytes of one stream.")
    max_message_bytes: int = Field(
        default=2 << 20, ge=1024, le=MAX_MESSAGE_BYTES, description="Longest message, bytes."
    )
    bytes_per_second: int = Field(
        default=2 << 20, ge=1024, description="Most bytes a second of one stream, over ten seconds."
    )
    messages_per_second: int = Field(
        default=100, ge=1, description="Most messages a second of one stream, over ten seconds."
    )
    max_lead_seconds: Seconds = Field(
        default=10.0, description="How far times in the media may run ahead of the clock."
    )
    send_seconds: Seconds = Field(default=5.0, description="How long an event may wait for its reader.")
    unread_seconds: Seconds = Field(
        default=30.0, description="A stream ends when nothing could be read for so long."
    )
    call_seconds: Seconds = Field(default=5.0, description="Longest call to an inner service.")

    def shown(self) -> LiveLimits:
        """Give what a client should know."""
        return LiveLimits(**{name: getattr(self, name) for name in LiveLimits.model_fields})

    def media_limits(self, limits: MediaLimits) -> MediaLimits:
        """Give the decoder's limits for a stream, whose length is not known before."""
        longest = self.max_seconds + self.max_lead_seconds
        return limits.model_copy(
            update={
                "max_seconds": longest,
                "cpu_seconds": limits.first_cpu_seconds + int(2 * longest),
                "max_picture_pixels": limits.max_film_pixels,
            }
        )
