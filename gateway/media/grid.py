"""At which moments of a film or a stream a frame is wanted."""

import math

# Matroska rounds times to milliseconds, and a recorder's tremble as much.
_ROUNDING_SECONDS = 0.001


class Grid:
    """Moments `start + k / fps` at which a frame is wanted: the first one shown at or after each.

    Args:
        start: seconds.
        fps: moments a second.
    """

    def __init__(self, start: float, fps: float) -> None:
        self._start = start
        self._fps = fps

    def tick(self, t: float) -> int:
        """Give the number of the last moment not after `t` (seconds); negative before the start."""
        return math.floor((t - self._start + _ROUNDING_SECONDS) * self._fps)
