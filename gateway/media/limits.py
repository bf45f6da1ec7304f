"""What media may be: every limit of the decoder with its default."""

from pydantic import BaseModel, ConfigDict, Field


class MediaLimits(BaseModel):
    """Limits on one upload. What claims more in its header is refused before anything is decoded."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)

    max_picture_pixels: int = Field(default=50_000_000, ge=1, description="Pixels of a picture.")
    max_picture_scans: int = Field(
        default=64, ge=1, description="Times that a progressive JPEG may go over its pixels."
    )
    max_film_pixels: int = Field(default=4096 * 2304, ge=1, description="Pixels of one image of a film.")
    max_side: int = Field(default=16_384, ge=1, description="Width or height of a picture or film, pixels.")
    max_seconds: float = Field(
        default=7200, gt=0, le=7 * 86_400, description="Length of what is analysed, seconds."
    )
    max_fps: float = Field(default=240, gt=0, le=100_000, description="Images a second in a film.")
    max_pixel_rate: int = Field(default=4096 * 2304 * 60, ge=1, description="Pixels a second in a film.")
    max_streams: int = Field(default=16, ge=1, description="Sound and video tracks together.")
    min_sample_rate: int = Field(default=8_000, ge=1, description="Samples a second of a sound track, Hz.")
    max_sample_rate: int = Field(default=192_000, ge=1, description="Samples a second of a sound track, Hz.")
    max_channels: int = Field(default=8, ge=1, description="Channels of a sound track.")
    cpu_seconds: int = Field(
        default=900, ge=1, le=1_000_000, description="CPU time that decoding may take, seconds."
    )
    first_cpu_seconds: int = Field(
        default=10,
        ge=1,
        le=1_000_000,
        description="CPU time for a picture, or to open a film; a film has twice its length on top.",
    )
    memory_bytes: int = Field(
        default=1 << 30, ge=1 << 26, le=1 << 40, description="Memory that decoding may take, bytes."
    )

    def cpu_seconds_for(self, seconds: float | None) -> int:
        """Give the CPU time for media that claim this length (None: not known) in whole seconds."""
        if seconds is None:
            return self.cpu_seconds
        return min(self.cpu_seconds, self.first_cpu_seconds + 1 + int(2 * seconds))
