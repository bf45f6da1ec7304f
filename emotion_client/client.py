"""The client for scripts and notebooks: `AsyncClient`, with an event loop of its own in a thread."""

import contextlib
import threading
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from anyio.from_thread import BlockingPortal, start_blocking_portal

from emotion_client.async_client import AsyncClient
from emotion_client.calls import Patience
from emotion_client.media import MediaSource, UploadProgress
from emotion_client.options import Options
from shared.contracts.analyses import Analysis
from shared.contracts.jobs import Job, JobEvent
from shared.contracts.manifests import ModelList

_Answer = TypeVar("_Answer")


class Client:
    """Calls an emotion server. Use it as a context manager, or call `close` in the end.

    Args, methods and errors are those of `AsyncClient`. A call that is interrupted (Ctrl-C) is cancelled.
    Several threads may call at once.

    Args:
        base_url: of the server.
        api_key: where the server asks for one.
        timeout: seconds without a byte from the server after which an answer is given up.
        patience: how often calls are sent again, where that is safe.

    Raises:
        UsageError: as `AsyncClient`.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout: float = 3600.0,
        patience: Patience | None = None,
    ) -> None:
        self._client = AsyncClient(base_url, api_key=api_key, timeout=timeout, patience=patience)
        self._streams: set[AsyncGenerator[JobEvent]] = set()
        self._stack = contextlib.ExitStack()
        self._portal: BlockingPortal = self._stack.enter_context(start_blocking_portal())
        self._stack.callback(self._portal.call, _close, self._client, self._streams)
        # Left open until Python ends, it would wait for ever for its thread, which ends first.
        weakref.finalize(self, _abandon, self._stack)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # With what went wrong, calls under way are cancelled instead of waited for.
        self._stack.__exit__(kind, error, trace)

    def close(self) -> None:
        """Close the connections."""
        self._stack.close()

    def analyze(
        self, media: MediaSource, *, on_upload: UploadProgress | None = None, **options: Unpack[Options]
    ) -> Analysis:
        """See `AsyncClient.analyze`."""
        return self._call(partial(self._client.analyze, media, on_upload=on_upload, **options))

    def submit(
        self,
        media: MediaSource,
        *,
        idempotency_key: str | None = None,
        callback_url: str | None = None,
        on_upload: UploadProgress | None = None,
        **options: Unpack[Options],
    ) -> Job:
        """See `AsyncClient.submit`."""
        submit = partial(
            self._client.submit,
            media,
            idempotency_key=idempotency_key,
            callback_url=callback_url,
            on_upload=on_upload,
            **options,
        )
        return self._call(submit)

    def job(self, job_id: str) -> Job:
        """See `AsyncClient.job`."""
        return self._call(self._client.job, job_id)

    def events(self, job_id: str, *, after: str | None = None) -> Iterator[JobEvent]:
        """See `AsyncClient.events`."""
        events = self._client.events(job_id, after=after)
        self._streams.add(events)
        try:
            while (event := self._call(anext, events, None)) is not None:
                yield event
        finally:
            # Where it outlives the client, that has closed it.
            if events in self._streams:
                self._streams.remove(events)
                self._call(events.aclose)

    def wait(self, job_id: str) -> Analysis:
        """See `AsyncClient.wait`."""
        return self._call(self._client.wait, job_id)

    def cancel(self, job_id: str) -> None:
        """See `AsyncClient.cancel`."""
        self._call(self._client.cancel, job_id)

    def export(self, job_id: str, name: str) -> bytes:
        """See `AsyncClient.export`."""
        return self._call(self._client.export, job_id, name)

    def models(self) -> ModelList:
        """See `AsyncClient.models`."""
        return self._call(self._client.models)

    def _call(self, call: Callable[..., Awaitable[_Answer]], *args: Any) -> _Answer:
        ended = threading.Event()

        async def run() -> _Answer:
            try:
                return await call(*args)
            finally:
                ended.set()

        answer = self._portal.start_task_soon(run)
        try:
            return answer.result()
        except BaseException:
            # Interrupted while it ran: what comes next must not meet it still running.
            if answer.cancel():
                ended.wait()
            raise


async def _close(client: AsyncClient, streams: set[AsyncGenerator[JobEvent]]) -> None:
    while streams:
        # One that another thread reads just now ends with its connection.
        with contextlib.suppress(RuntimeError):
            await streams.pop().aclose()
    await client.close()


def _abandon(stack: contextlib.ExitStack) -> None:
    """Close what nobody closed; calls under way are cancelled. Does nothing where it was closed."""
    stack.__exit__(SystemExit, SystemExit(), None)
