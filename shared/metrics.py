"""Metrics under OpenTelemetry's semantic names, in Prometheus' text format.

Names follow the OpenTelemetry semantic conventions for HTTP, as its Prometheus exporter spells them
(`http.server.request.duration` in seconds becomes `http_server_request_duration_seconds`).
"""

from contextvars import ContextVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no annotation here

_NETWORK_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class ServiceMetrics:
    """The metrics of one service; each has a registry of its own, so that four fit into one process.

    Args:
        service: value of the label `service_name` of `target_info`.
        version: value of the label `service_version`.
    """

    def __init__(self, service: str, version: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        target = Gauge(
            "target_info",
            "Which service this is.",
            ["service_name", "service_version"],
            registry=self.registry,
        )
        target.labels(service, version).set(1)
        self.request_duration = Histogram(
            "http_server_request_duration_seconds",
            "Duration of HTTP server requests.",
            ["http_request_method", "http_route", "http_response_status_code"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.active_requests = Gauge(
            "http_server_active_requests",
            "HTTP requests in flight.",
            ["http_request_method"],
            registry=self.registry,
        )
        self.client_duration = Histogram(
            "http_client_request_duration_seconds",
            "Duration of calls to inner services; error_type is empty on success.",
            ["server_address", "http_response_status_code", "error_type"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.inference_duration = Histogram(
            "emotion_inference_duration_seconds",
            "Time that one call spends in an inference thread, without waiting.",
            ["task"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.network_duration = Histogram(
            "emotion_network_duration_seconds",
            "Time of one run of one network.",
            ["model"],
            buckets=_NETWORK_SECONDS,
            registry=self.registry,
        )
        self.inference_wait = Histogram(
            "emotion_inference_wait_seconds",
            "Time that one call waits for a free inference thread.",
            ["task"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.inference_queue = Gauge(
            "emotion_inference_queue_depth",
            "Calls that wait for an inference thread.",
            registry=self.registry,
        )
        self.refusals = Counter(
            "emotion_refusals_total",
            "Requests refused, by kind of problem.",
            ["problem"],
            registry=self.registry,
        )
        # Prometheus sees no increase in a count that begins with its first fault.
        for problem in ("internal-error", "overloaded"):
            self.refusals.labels(problem)
        self.breaker_open = Gauge(
            "emotion_breaker_open",
            "1 while calls to an inner service are given up at once, after failures in a row.",
            ["server_address"],
            registry=self.registry,
        )
        self.ready = Gauge(
            "emotion_ready",
            "1 when the networks are loaded and calls find a thread to run them.",
            registry=self.registry,
        )

    def exposition(self) -> bytes:
        """Give all values in Prometheus' text format, version 0.0.4."""
        return generate_latest(self.registry)


current_metrics: ContextVar[ServiceMetrics | None] = ContextVar("current_metrics", default=None)
