"""What is counted of live streams."""

from collections.abc import Mapping
from dataclasses import asdict

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.admission import Admission
from gateway.live.counts import Frames

_SECONDS = (0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)
_FATES = ("skipped", "dropped", "read", "lost")
# RFC 6455, section 7.4.1.
_STANDARD_CODES = range(1000, 1016)


class LiveMetrics:
    """Counts streams, their frames, and how long a frame takes.

    Args:
        registry: the gateway's own (`ServiceMetrics.registry`).
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._streams = Counter(
            "emotion_live_streams_total",
            "Live streams that have ended, by what ended them and their close code.",
            ["end", "code"],
            registry=registry,
        )
        self._refused = Counter(
            "emotion_live_refused_total",
            "Live streams that were refused before they began, by why.",
            ["problem"],
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
        """Count a frame whose faces were there so many seconds after its picture."""
        self._latency.observe(seconds)

    def advanced(self, seconds: float, frames: Mapping[str, int]) -> None:
        """Count what a stream has gone on by.

        Args:
            seconds: of its media.
            frames: by fate.
        """
        self._seconds.inc(seconds)
        for fate, number in frames.items():
            self._frames.labels(fate).inc(number)

    def refused(self, problem: str) -> None:
        """Count a stream that did not begin, by the name of the problem."""
        self._refused.labels(problem).inc()

    def ended(self, end: str, code: int) -> None:
        """Count a stream that began.

        Args:
            end: `done`, `gone`, or the name of a problem.
            code: it was closed with.
        """
        # A client may close with any number.
        self._streams.labels(end, code if code in _STANDARD_CODES else "other").inc()


class StreamTally:
    """Brings one stream's counts into the metrics while it goes on.

    Args:
        metrics: where to.
    """

    def __init__(self, metrics: LiveMetrics) -> None:
        self._metrics = metrics
        self._seconds = 0.0
        self._frames = dict.fromkeys(_FATES, 0)

    def bring_up_to(self, seconds: float, frames: Frames) -> None:
        """Count what is new since the last time.

        Args:
            seconds: length of the stream so far.
            frames: of the stream so far.
        """
        counted = asdict(frames)
        now = {fate: counted[fate] for fate in _FATES}
        self._metrics.advanced(
            seconds - self._seconds, {fate: now[fate] - self._frames[fate] for fate in _FATES}
        )
        self._seconds, self._frames = seconds, now
