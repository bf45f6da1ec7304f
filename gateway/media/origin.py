"""Which moment of a film or sound counts as zero."""

import av.audio
import av.video

# Their clock begins at zero, and players show nothing until the first stream begins.
_CLOCK_BEGINS_AT_ZERO = frozenset({"mp4", "mov", "m4a", "mkv", "webm", "avi"})
# Whatever begins later was cut out of something longer whose clock runs on: a segment of a stream.
_LATEST_BEGINNING_SECONDS = 60.0


def first_start(*streams: av.video.VideoStream | av.audio.AudioStream | None) -> float:
    """Give when the first of these streams begins, in seconds on the container's clock."""
    return min((start_of(stream) for stream in streams if stream is not None), default=0.0)


def start_of(stream: av.video.VideoStream | av.audio.AudioStream) -> float:
    """Give when a stream begins, in seconds on the container's clock; 0 where it does not say."""
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base)


def origin_of(container: str, first: float) -> float:
    """Give what counts as zero, in seconds on the container's clock: the moment that players count from.

    Args:
        container: its name, as in `Media.container`.
        first: when the first of the streams begins, from `first_start`.
    """
    if container in _CLOCK_BEGINS_AT_ZERO and first <= _LATEST_BEGINNING_SECONDS:
        return min(0.0, first)
    return first
