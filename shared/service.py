"""The factory of all four services: health, metrics, problems, request ids, deadlines, offline docs."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version

from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline

from shared.contracts.health import Live, Ready
from shared.contracts.manifests import Manifest, ModelList
from shared.contracts.problems import Problem
from shared.front_door import FrontDoor
from shared.head_requests import HeadAsGet
from shared.inference import InferencePool, summarise
from shared.metrics import ServiceMetrics
from shared.middleware import RequestContextMiddleware
from shared.openapi import show_whole_examples, use_problem_documents_only
from shared.parameters import refuse_unknown_parameters
from shared.problem_answers import add_problem_answers, problem_responses
from shared.settings import ServiceSettings

__all__ = ["ServiceSettings", "create_service"]

_log = logging.getLogger(__name__)

Load = Callable[[FastAPI], Sequence[Manifest]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Components = Callable[[FastAPI], Awaitable[dict[str, str]]]


class _Readiness:
    """Whether the networks are loaded; why not, if loading failed."""

    def __init__(self) -> None:
        self.loaded = False
        self.failure: Exception | None = None
        self.manifests: Sequence[Manifest] = ()
        self.pool: InferencePool | None = None
        self.stopping = False

    @property
    def threads(self) -> str:
        """See `InferencePool.state`; `ready` where there is none."""
        return "ready" if self.pool is None else self.pool.state

    @property
    def takes_work(self) -> bool:
        """Whether calls find networks that are loaded and a thread that runs them."""
        return self.loaded and not self.stopping and self.threads != "hanging"

    @property
    def state(self) -> str:
        """`ready`, `loading`, or `failed`: the log has the reason."""
        if self.failure is not None:
            return "failed"
        return "ready" if self.loaded else "loading"

    def refuse_if_failed(self) -> None:
        """Do nothing while this process may be of use.

        Raises:
            Problem: `service-unavailable`: the networks could not be loaded.
        """
        if self.failure is not None:
            raise Problem(
                "service-unavailable", "The networks of this service could not be loaded.", retry_after=10
            )

    def refuse_if_hopeless(self) -> None:
        """As `refuse_if_failed`; also where only a new process will help.

        Raises:
            Problem: `service-unavailable`.
        """
        self.refuse_if_failed()
        if self.threads == "hanging":
            raise Problem(
                "service-unavailable",
                "Calls hang in all threads that run the networks.",
                remedy="Start this service again; the log of its caller says what it was asked.",
                retry_after=10,
            )


def create_service(
    *,
    name: str,
    title: str,
    description: str,
    settings: ServiceSettings,
    routers: Sequence[APIRouter],
    load: Load | None = None,
    lifespan: Lifespan | None = None,
    components: Components | None = None,
) -> FastAPI:
    """Make a service.

    `app.state.settings` and `app.state.metrics` (`ServiceMetrics`) are set before anything else runs; with
    networks to load also `app.state.pool` (`InferencePool`), from the start of the service to its end.

    Args:
        name: for metrics and logs, for example `face_service`.
        title: heading of /docs.
        description: text under it, Markdown.
        settings: this service's settings.
        routers: its routes.
        load: loads the networks, runs each once, puts them on `app.state` and returns their manifests, which
            `GET /v1/models` then shows. Runs in a thread at start; calls are refused with `not-ready` until
            it returns. When it raises, the service stays not ready and /health/live answers 503; so it does
            while calls hang in all threads of the pool.
        lifespan: async context around the service's life, entered before `load`.
        components: more things to be ready, name -> `ready`, `degraded` or the reason why not.
    """
    package_version = version("emotion-server")
    metrics = ServiceMetrics(name, package_version)
    readiness = _Readiness()
    metrics.ready.set_function(lambda: float(readiness.takes_work))
    app = FastAPIOffline(
        title=title,
        description=description,
        version=package_version,
        lifespan=_life(lifespan, load, readiness, metrics, settings),
        dependencies=[Depends(refuse_unknown_parameters)],
        generate_unique_id_function=_operation_id,
        # A client that follows no redirect would take it for an answer.
        redirect_slashes=False,
        swagger_ui_parameters={"tryItOutEnabled": True, "defaultModelsExpandDepth": 0},
    )
    app.state.settings = settings
    app.state.metrics = metrics
    app.state.front_door = FrontDoor(metrics)
    gate = [Depends(_gate(readiness))]
    for router in routers:
        app.include_router(router, dependencies=gate)
    if load is not None:
        app.include_router(_models(name, readiness), dependencies=gate)
    app.include_router(_health(name, package_version, readiness, metrics, components, app))
    add_problem_answers(app, metrics)
    use_problem_documents_only(app)
    show_whole_examples(app, routers)
    app.add_middleware(HeadAsGet)
    app.add_middleware(
        RequestContextMiddleware,
        service=name,
        metrics=metrics,
        longest_seconds=settings.request_seconds,
    )
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _gate(readiness: _Readiness) -> Callable[[], Awaitable[None]]:
    async def refuse_until_ready() -> None:
        readiness.refuse_if_failed()
        if not readiness.loaded:
            raise Problem("not-ready", "The networks of this service are still loading.", retry_after=1)

    return refuse_until_ready


def _models(name: str, readiness: _Readiness) -> APIRouter:
    router = APIRouter(tags=["models"])

    @router.get("/v1/models", summary="Which networks are loaded?", responses=problem_responses(422, 503))
    async def models() -> ModelList:
        return ModelList(models=tuple(summarise(manifest, service=name) for manifest in readiness.manifests))

    return router


def _life(
    lifespan: Lifespan | None,
    load: Load | None,
    readiness: _Readiness,
    metrics: ServiceMetrics,
    settings: ServiceSettings,
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    async def load_networks(app: FastAPI) -> None:
        started = time.monotonic()
        try:
            if load is not None:
                readiness.manifests = await asyncio.to_thread(load, app)
        except Exception as error:  # noqa: BLE001 - whatever it is, /health/live reports it
            _log.exception("loading failed")
            readiness.failure = error
            return
        readiness.loaded = True
        _log.info("ready", extra={"fields": {"seconds": round(time.monotonic() - started, 2)}})

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            if load is not None:
                readiness.pool = app.state.pool = InferencePool(
                    workers=settings.threads,
                    queue=settings.inference_queue,
                    metrics=metrics,
                    hang_seconds=settings.hang_seconds,
                )
                stack.callback(readiness.pool.close)
            if lifespan is not None:
                await stack.enter_async_context(lifespan(app))
            loading = asyncio.create_task(load_networks(app))
            try:
                yield
            finally:
                readiness.stopping = True
                await loading

    return life


def _health(  # noqa: PLR0917 - called once, just above
    name: str,
    package_version: str,
    readiness: _Readiness,
    metrics: ServiceMetrics,
    components: Components | None,
    app: FastAPI,
) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/health/live", summary="Does the process answer?", responses=problem_responses(422, 503))
    async def live() -> Live:
        readiness.refuse_if_hopeless()
        return Live(service=name, version=package_version)

    @router.get("/health/ready", summary="Can it take work?", responses=problem_responses(422, 503))
    async def ready() -> Ready:
        found = {"networks": readiness.state}
        if readiness.pool is not None and readiness.loaded:
            found["threads"] = readiness.threads
        if components is not None and readiness.loaded:
            found.update(await components(app))
        if any(state not in {"ready", "degraded"} for state in found.values()):
            raise Problem("not-ready", "Not ready yet.", retry_after=1, extra={"components": found})
        return Ready(service=name, components=found)

    @router.get(
        "/metrics",
        summary="Metrics in Prometheus' text format",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
            **problem_responses(422),
        },
    )
    async def metrics_exposition() -> Response:
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
