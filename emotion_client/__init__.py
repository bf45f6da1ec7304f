"""A client of the emotion server: `Client` for scripts and notebooks, `AsyncClient` for event loops."""

from emotion_client.async_client import AsyncClient
from emotion_client.calls import Patience
from emotion_client.client import Client
from emotion_client.errors import (
    EmotionError,
    JobCancelledError,
    NoJobsError,
    ProblemError,
    ServerUnreachableError,
    TlsError,
    UnexpectedAnswerError,
    UsageError,
)
from emotion_client.live import LiveStream, open_live
from emotion_client.media import MediaSource
from emotion_client.options import Options

__all__ = [
    "AsyncClient",
    "Client",
    "EmotionError",
    "JobCancelledError",
    "LiveStream",
    "MediaSource",
    "NoJobsError",
    "Options",
    "Patience",
    "ProblemError",
    "ServerUnreachableError",
    "TlsError",
    "UnexpectedAnswerError",
    "UsageError",
    "open_live",
]
