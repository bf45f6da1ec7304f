"""What only the gateway counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.admission import Admission
from gateway.media.decoder import DecoderPool
from shared.contracts.analyses import Analysis
from shared.request_context import note

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
        self._ends = Counter(
            "emotion_decodings_total", "Decoder processes, by how they ended.", ["end"], registry=registry
        )
        # Prometheus sees no increase in a count that begins with its first end.
        for end in ("crashed", "stopped", "cpu-limit"):
            self._ends.labels(end)
        self._places = Gauge(
            "emotion_places",
            "Uploads inside the gateway, and how many may be.",
            ["state"],
            registry=registry,
        )
        self._decoders = Gauge(
            "emotion_decoders",
            "Decoder processes at work, and callers that wait for one.",
            ["state"],
            registry=registry,
        )
        self._restarts = Gauge(
            "emotion_decoder_parent_restarts",
            "How often the parent of the decoders had to be replaced since the start.",
            registry=registry,
        )
        self._measures = Gauge(
            "emotion_decoder_measure",
            "1 where a measure of the decoder's sandbox holds on this machine.",
            ["measure"],
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

        note(
            kind=analysis.media.kind,
            analysis=analysis.status,
            media_seconds=analysis.media.seconds,
            stages_ms=analysis.timings_ms.model_dump(),
        )

    def decoding_ended(self, end: str) -> None:
        """Count the end of a decoder process (`Decoding.end`)."""
        self._ends.labels(end).inc()

    def watch(self, decoders: DecoderPool, admission: Admission) -> None:
        """Show how full the gateway is, and what holds the decoders, whenever somebody looks."""
        self._places.labels("taken").set_function(lambda: admission.inside)
        self._places.labels("all").set_function(lambda: admission.places)
        self._decoders.labels("running").set_function(lambda: decoders.state.running)
        self._decoders.labels("waiting").set_function(lambda: decoders.state.waiting)
        self._restarts.set_function(lambda: decoders.state.restarts)
        if (measures := decoders.state.measures) is not None:
            for measure, holds in measures.model_dump().items():
                self._measures.labels(measure).set(holds)

    def decoded(self, cpu_ms: float) -> None:
        """Count a decoder process, however it ended."""
        self._decoder.inc(cpu_ms / 1000)
