"""What only the gateway counts."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from shared.contracts.analyses import Analysis

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class AnalysisMetrics:
    """Counts finished analyses and where their time went.

    Args:
        registry: the gateway's own (`ServiceMetrics.registry`).
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._analyses = Counter(
            "emotion_analyses_total", "Finished analyses.", ["kind", "status", "profile"], registry=registry
        )
        self._stages = Histogram(
            "emotion_stage_duration_seconds",
            "Time of each stage of an analysis; stages overlap.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._media = Counter("emotion_media_seconds_total", "Seconds of media analysed.", registry=registry)
        self._decoder = Counter(
            "emotion_decoder_cpu_seconds_total", "CPU time of decoder processes.", registry=registry
        )

    def finished(self, analysis: Analysis) -> None:
        """Count an analysis."""
        self._analyses.labels(analysis.media.kind, analysis.status, analysis.profile).inc()
        for stage, milliseconds in analysis.timings_ms:
            self._stages.labels(stage).observe(milliseconds / 1000)
        self._media.inc(analysis.media.seconds or 0)

    def decoded(self, cpu_ms: float) -> None:
        """Count a decoder process, however it ended."""
        self._decoder.inc(cpu_ms / 1000)
