"""Wiring of the gateway, the only public door."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import httpx
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from gateway.admission import Admission
from gateway.callers import announce_keys
from gateway.early_refusal import FullHouse, RefuseWhenFull
from gateway.fairness import Fairness
from gateway.free_space import bytes_to_keep
from gateway.jobs.jobs import Jobs
from gateway.live.metrics import LiveMetrics
from gateway.look_ups import LookUps
from gateway.media.decoder import DecoderPool
from gateway.metrics import AnalysisMetrics
from gateway.pipeline import PipelineTools
from gateway.routes import analyses, exports, information, jobs
from gateway.routes.live import add_live
from gateway.routes.page import add_page
from gateway.services import FaceService, FusionService, SpeechService
from gateway.settings import GatewaySettings
from gateway.upload import UploadRules
from shared.client import ServiceClient, ServiceDownError
from shared.contracts.jobs import JOB_EVENT
from shared.contracts.live import FROM_CLIENT, TO_CLIENT
from shared.openapi import add_schemas
from shared.service import create_service

_USUALLY_KEPT_FREE = 64 * 1024 * 1024
_DESCRIPTION = """
Upload a picture, a sound or a film and get back which people are in it, what their faces and voices express
moment by moment, how sure we are, and one fused emotion.

    curl -F file=@clip.mp4 http://127.0.0.1:8000/v1/analyses

For a long film send `Prefer: respond-async` and come back for the answer: see *jobs*. What a camera and a
microphone give is read while it comes, through the WebSocket `/v1/live`: see docs/live.md.

What is returned is what is *displayed*, not what is *felt*. Nobody is recognised, and nothing is kept but the
result of a job, for a while.
Errors are problem documents (RFC 9457); each says what to do about it.
"""


def create_app(
    settings: GatewaySettings | None = None,
    *,
    transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
) -> FastAPI:
    """Make the gateway.

    Args:
        settings: from the environment where not given.
        transports: how to reach `face`, `speech` and `fusion`; TCP where not given.
    """
    settings = settings or GatewaySettings()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            clients = []
            for service, url in (
                ("face", settings.face_url),
                ("speech", settings.speech_url),
                ("fusion", settings.fusion_url),
            ):
                transport = (transports or {}).get(service)
                client = ServiceClient(service, url, transport=transport, metrics=app.state.metrics)
                clients.append(await stack.enter_async_context(client))
            metrics = AnalysisMetrics(app.state.metrics.registry)
            decoders = await stack.enter_async_context(
                DecoderPool(
                    limits=settings.media,
                    max_processes=settings.max_analyses + settings.jobs.at_once_here,
                    on_end=metrics.decoding_ended,
                )
            )
            metrics.watch(decoders, app.state.admission)
            app.state.clients = tuple(clients)
            app.state.tools = _tools(settings, decoders, metrics, *clients)
            app.state.live_metrics = LiveMetrics(app.state.metrics.registry)
            app.state.live_metrics.watch(app.state.live_places)
            app.state.live_tools = _tools(
                settings, decoders, metrics, *clients, seconds=settings.live.call_seconds
            )
            app.state.jobs = Jobs(settings, app.state.tools)
            await app.state.jobs.start()
            stack.push_async_callback(app.state.jobs.close)
            yield

    app = create_service(
        name="gateway",
        title="Emotion server",
        description=_DESCRIPTION,
        settings=settings,
        routers=[analyses.router, exports.router, jobs.router, information.router],
        lifespan=lifespan,
        components=_components,
    )
    add_page(app)
    add_live(app)
    app.state.admission = Admission(running=settings.max_analyses, waiting=settings.max_waiting)
    app.state.live_places = Admission(
        running=settings.live.max_streams,
        waiting=0,
        full="As many live streams run as this server takes.",
    )
    announce_keys(app, needed=bool(settings.api_keys))
    add_schemas(
        app,
        {
            "JobEvent": ("serialization", JOB_EVENT),
            "LiveMessage": ("validation", FROM_CLIENT),
            "LiveEvent": ("serialization", TO_CLIENT),
        },
    )
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Prefer"],
            expose_headers=["Location", "Preference-Applied", "Retry-After", "X-Request-Id"],
        )
    if settings.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies))
    app.state.fairness = Fairness(settings.max_analyses_per_caller)
    app.state.look_ups = LookUps()
    app.state.front_door.guard = FullHouse(app.state.admission, "/v1/analyses")
    # Last in the list is innermost: inside the layer that answers problems, logs and counts.
    app.user_middleware.append(Middleware(RefuseWhenFull, admission=app.state.admission, path="/v1/analyses"))
    app.state.upload_rules = UploadRules(
        max_bytes=settings.max_upload_bytes,
        idle_seconds=settings.upload_idle_seconds,
        min_bytes_per_second=settings.upload_min_bytes_per_second,
        folder=settings.temporary_folder,
        keep_free=bytes_to_keep(
            settings.temporary_folder, settings.keep_free_bytes, usual=_USUALLY_KEPT_FREE
        ),
    )
    return app


def _tools(  # noqa: PLR0917 - called once, just above
    settings: GatewaySettings,
    decoders: DecoderPool,
    metrics: AnalysisMetrics,
    face: ServiceClient,
    speech: ServiceClient,
    fusion: ServiceClient,
    *,
    seconds: float | None = None,
) -> PipelineTools:
    seconds = seconds or settings.inner_seconds
    return PipelineTools(
        decoders=decoders,
        metrics=metrics,
        faces=FaceService(face, seconds=seconds, max_faces=settings.max_faces),
        speech=SpeechService(speech, seconds=seconds),
        fusion=FusionService(fusion, seconds=seconds),
        frames_per_call=settings.frames_per_call,
        calls_in_flight=settings.calls_in_flight,
        stretch_seconds=settings.stretch_seconds,
        max_faces_in_all=settings.max_faces_in_all,
    )


# Shorter than whoever asks for the gateway's own health waits (`shared.health_check`: 2 s), or a silent
# service would be a silent gateway.
_HEALTH_SECONDS = 1.0


async def _components(app: FastAPI) -> dict[str, str]:
    """Ask the inner services; without one of face and speech the gateway still works, degraded."""
    clients: tuple[ServiceClient, ...] = app.state.clients

    async def state(client: ServiceClient) -> bool:
        try:
            await client.get("/health/ready", seconds=_HEALTH_SECONDS)
        except ServiceDownError:
            return False
        return True

    ready = dict(
        zip((client.service for client in clients), await asyncio.gather(*map(state, clients)), strict=True)
    )
    found = {service: "ready" if is_ready else "not ready" for service, is_ready in ready.items()}
    if ready["face"] or ready["speech"]:
        for service in ("face", "speech"):
            if not ready[service]:
                found[service] = "degraded"
    return found
