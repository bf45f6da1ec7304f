"""What is counted of live streams."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.admission import Admission
from gateway.live.counts import Frames

_SECONDS = (0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)


class LiveMetrics:
    """Counts streams, their frames, and how long a frame takes.

    Args:
        registry: the gateway's own (`ServiceMetrics.registry`).
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._streams = Counter(
            "emotion_live_streams_total",
            "Live streams that have ended, by what ended them.",
            ["end"],
            registry=registry,
        )
        self._seconds = Counter(
            "emotion_live_seconds_total", "Seconds of media in live streams.", registry=registry
        )
        self._frames = Counter(
            "emotion_live_frames_total",
            "Frames of live streams, by where they went.",
            ["fate"],
            registry=registry,
        )
        self._latency = Histogram(
            "emotion_live_latency_seconds",
            "Time from a picture's arrival to its faces.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._places = Gauge(
            "emotion_live_places",
            "Live streams now, and how many may be.",
            ["state"],
            registry=registry,
        )

    def watch(self, places: Admission) -> None:
        """Show how many streams there are whenever somebody looks."""
        self._places.labels("taken").set_function(lambda: places.inside)
        self._places.labels("all").set_function(lambda: places.places)

    def read_in(self, seconds: float) -> None:
        """Count a frame that was read."""
        self._latency.observe(seconds)

    def ended(self, end: str, seconds: float, frames: Frames) -> None:
        """Count a stream.

        Args:
            end: `done`, `gone`, or the name of a problem.
            seconds: length of its media.
            frames: of the whole stream.
        """
        self._streams.labels(end).inc()
        self._seconds.inc(seconds)
        for fate in ("skipped", "dropped", "read", "lost"):
            self._frames.labels(fate).inc(getattr(frames, fate))
