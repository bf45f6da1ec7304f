"""ONNX sessions with their manifests, and the threads that run them."""

import asyncio
import contextlib
import ctypes
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from pydantic import ValidationError

from shared.contracts.manifests import Manifest, ModelSummary
from shared.contracts.problems import Problem
from shared.deadlines import current_deadline
from shared.metrics import ServiceMetrics, current_metrics
from shared.request_context import note_milliseconds

P = ParamSpec("P")
T = TypeVar("T")


class ModelFileError(Exception):
    """A network cannot be used: manifest missing or wrong, or the file is not what it names."""


def load_manifest(folder: Path) -> Manifest:
    """Read `manifest.json` in a folder and verify the network file beside it by its sha256.

    Raises:
        ModelFileError: missing, malformed, or the digest differs.
    """
    try:
        manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
        content = (folder / manifest.file).read_bytes()
    except (OSError, ValidationError) as error:
        # As in `default/classification`: each service has one of each profile.
        raise ModelFileError(f"{folder.parent.name}/{folder.name}: {error}") from error
    if hashlib.sha256(content).hexdigest() != manifest.sha256:
        raise ModelFileError(f"{manifest.name}: {manifest.file} does not have the sha256 of its manifest")
    return manifest


def summarise(manifest: Manifest, *, service: str) -> ModelSummary:
    """Give the short form of a manifest that `GET /v1/models` shows."""
    return ModelSummary(
        name=manifest.name,
        service=service,
        role=manifest.role,
        profile=manifest.profile,
        summary=manifest.summary,
        licence=manifest.licence,
        bytes=manifest.bytes,
        sha256=manifest.sha256,
        uncertain_below=manifest.uncertain_below,
        figures=manifest.figures,
    )


class InferenceSession(Protocol):
    """What the services need of a network; tests of plumbing may pass their own."""

    @property
    def manifest(self) -> Manifest:
        """The manifest that was verified at loading."""

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the network once.

        Args:
            inputs: an array for each input that the manifest names.

        Returns:
            An array for each output.
        """


def session_options(*, threads: int, arena: bool = False) -> ort.SessionOptions:
    """Options under which a network says the same on every processor; of the arena see `OnnxSession`."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = arena
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    # Spinning threads would take CPU time from the other services on a small machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Without VNNI, sums of products of 8 by 8 bits would be cut off at 16 bits.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return options


class OnnxSession:
    """A network in ONNX Runtime on the CPU.

    The memory arena is off: with it, each new input shape would grow the process for ever. A network with
    large inputs of a few fixed shapes may have it (it saves up to a third of the time).

    Args:
        folder: holds `manifest.json` and the file it names.
        threads: threads inside one operator.
        arena: keep working memory between runs; only for callers that pad inputs to a few fixed shapes.

    Raises:
        ModelFileError: see `load_manifest`; or ONNX Runtime refuses the file.
    """

    def __init__(self, folder: Path, *, threads: int, arena: bool = False) -> None:
        self._manifest = load_manifest(folder)
        options = session_options(threads=threads, arena=arena)
        try:
            self._session = ort.InferenceSession(
                str(folder / self._manifest.file), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime raises many types without a common base
            raise ModelFileError(f"{self._manifest.name}: {error}") from error
        return_freed_memory()
        self._outputs = [output.name for output in self._session.get_outputs()]

    @property
    def manifest(self) -> Manifest:
        """The manifest that was verified at loading."""
        return self._manifest

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the network once; see `InferenceSession.run`."""
        with network_time(self._manifest.name):
            found = self._session.run(self._outputs, dict(inputs))
        return dict(zip(self._outputs, found, strict=True))


def return_freed_memory() -> None:
    """Give back to the system what was freed: glibc keeps it, after loading a network as much as that takes.

    Does nothing with other C libraries.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


@contextlib.contextmanager
def network_time(model: str) -> Iterator[None]:
    """Count the time inside the block as a run of a network, in the metrics and the log line of the request.

    Args:
        model: the manifest's name.
    """
    started = time.perf_counter()
    try:
        yield
    finally:
        seconds = time.perf_counter() - started
        note_milliseconds("networks_ms", model, seconds)
        if (metrics := current_metrics.get()) is not None:
            metrics.network_duration.labels(model).observe(seconds)


def calibrated(logits: NDArray[np.floating], temperature: float) -> NDArray[np.float64]:
    """Turn logits [..., k] into probabilities [..., k] that sum to 1: softmax(logits / temperature).

    Temperature scaling: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float64] = scaled / scaled.sum(axis=-1, keepdims=True)
    return probabilities


class InferencePool:
    """Threads for the networks, with a bounded queue, so that the event loop never waits for one.

    Args:
        workers: calls that run at once.
        queue: calls that may wait; one more is refused.
        metrics: where durations and queue depth are counted.
        hang_seconds: so long after its deadline a call that still has its thread counts as hanging. Nobody
            waits for it any more, and Python can end no thread.
    """

    def __init__(
        self,
        *,
        workers: int,
        queue: int,
        metrics: ServiceMetrics | None = None,
        hang_seconds: float = 60.0,
    ) -> None:
        self._executor = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="inference")
        self._limit = workers + queue
        self._workers = workers
        self._pending = 0
        self._lock = threading.Lock()
        self._metrics = metrics
        self._hang_seconds = hang_seconds
        # For each call that has a thread, when nobody waits for it any more (monotonic clock).
        self._given_up_at: dict[object, float] = {}

    @property
    def state(self) -> str:
        """`ready`; `degraded` while calls hang in some threads; `hanging` once they have all of them."""
        late = time.monotonic() - self._hang_seconds
        hanging = sum(given_up_at < late for given_up_at in list(self._given_up_at.values()))
        if not hanging:
            return "ready"
        return "degraded" if hanging < self._workers else "hanging"

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in one of the threads, in the context of this request.

        Raises:
            Problem: `overloaded` when the queue is full; `deadline-exceeded` when its turn comes too late.
        """
        with self._lock:
            if self._pending >= self._limit:
                raise Problem(
                    "overloaded", "Too many calls wait for the networks of this service.", retry_after=1
                )
            self._pending += 1
        self._show_queue()
        submitted = time.monotonic()

        def timed() -> T:
            current_metrics.set(self._metrics)
            if (deadline := current_deadline.get()) is not None:
                deadline.check()
            started = time.monotonic()
            call = object()
            self._given_up_at[call] = started if deadline is None else deadline.at
            try:
                return function(*args, **kwargs)
            finally:
                del self._given_up_at[call]
                self._observe(function, started - submitted, time.monotonic() - started)

        future = self._executor.submit(copy_context().run, timed)
        # Counted down when the thread is really free, not when an impatient caller is cancelled.
        future.add_done_callback(self._finished)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Refuse what waits, wait for what runs."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _finished(self, _future: Future[Any]) -> None:
        with self._lock:
            self._pending -= 1
        self._show_queue()

    def _show_queue(self) -> None:
        if self._metrics is not None:
            self._metrics.inference_queue.set(max(0, self._pending - self._workers))

    def _observe(self, function: Callable[..., object], waited: float, ran: float) -> None:
        if self._metrics is not None:
            task = getattr(function, "__name__", type(function).__name__).lstrip("_")
            note_milliseconds("calls_ms", "waited", waited)
            note_milliseconds("calls_ms", "ran", ran)
            self._metrics.inference_wait.labels(task).observe(waited)
            self._metrics.inference_duration.labels(task).observe(ran)
