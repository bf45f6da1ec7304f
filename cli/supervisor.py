"""Keeps child processes running: starts them, watches their health, restarts them, stops them in order."""

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cli.child_process import ChildProcess
from cli.health import Health, HealthProbe
from cli.restarts import RestartBudget, RestartRules

_log = logging.getLogger(__name__)
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class ServiceCommand:
    """One service to keep running.

    Args:
        name: for logs and messages.
        command: program and arguments.
        environment: the whole environment.
        url: base URL of its health addresses.
        listener: where it listens. The socket outlives each of its processes: nobody else can take the port,
            and whoever calls while it starts again waits for it.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    url: str
    listener: socket.socket


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what, in seconds.

    Args:
        start: until a service must be ready.
        stop: for running work at a stop; then it is killed.
        look: between two looks at a ready service.
        silence: without an answer, or with one that it hangs, after which a service is started again.
    """

    start: float = 120.0
    stop: float = 22.0
    look: float = 5.0
    silence: float = 30.0


class CrashLoopError(Exception):
    """A service does not stay up.

    Args:
        service: its name.
        reason: how it ended the last time.
    """

    def __init__(self, service: str, reason: str) -> None:
        super().__init__(f"{service} does not stay up: {reason}. Its own log lines above say more.")
        self.service = service


class ForcedStopError(Exception):
    """A second signal came while stopping, so everything was killed."""


class Supervisor:
    """Runs services until it is told to stop.

    Args:
        services: the last one is stopped first, and the others once it has ended, so that the public door
            finishes its running requests with the help of the others.
        on_ready: called once, when all are ready for the first time.
        rules: restarts allowed for each service.
        patience: see `Patience`.
    """

    def __init__(
        self,
        services: Sequence[ServiceCommand],
        *,
        on_ready: Callable[[], None],
        rules: RestartRules | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._services = services
        self._on_ready = on_ready
        self._rules = rules or RestartRules()
        self._patience = patience or Patience()
        self._children: dict[str, ChildProcess] = {}
        self._waiting_for = {service.name for service in services}
        self._why_killed: dict[str, str] = {}
        self._stop = asyncio.Event()
        self._forced = False

    async def run(self) -> None:
        """Start everything and keep it running until SIGTERM, SIGINT, SIGHUP or `stop`.

        Must run in the main thread, as signals do.

        Raises:
            CrashLoopError: a service spent its restarts; all are stopped by then.
            ForcedStopError: a second signal came; all are killed by then.
        """
        probe = HealthProbe(seconds=min(5.0, self._patience.silence))
        with self._signals():
            keepers = [asyncio.create_task(self._keep(service, probe)) for service in self._services]
            stop = asyncio.create_task(self._stop.wait())
            try:
                await asyncio.wait([*keepers, stop], return_when=asyncio.FIRST_COMPLETED)
            finally:
                stop.cancel()
                for keeper in keepers:
                    keeper.cancel()
                results = await asyncio.gather(*keepers, return_exceptions=True)
                await self._stop_children()
                await probe.close()
        if self._forced:
            raise ForcedStopError
        for result in results:
            if isinstance(result, Exception):
                raise result

    def stop(self) -> None:
        """Ask `run` to stop everything and return."""
        self._stop.set()

    async def _keep(self, service: ServiceCommand, probe: HealthProbe) -> None:
        budget = RestartBudget(self._rules)
        while True:
            child = ChildProcess(service.command, service.environment, service.listener)
            self._children[service.name] = child
            watch = asyncio.create_task(self._watch(service, child, probe))
            try:
                status = await child.wait()
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)
            why_killed = self._why_killed.pop(service.name, None)
            reason = why_killed or _in_words(status)
            # What could not load its networks, or took too long, the first time will again the next time.
            hopeless = why_killed is not None and service.name in self._waiting_for
            pause = None if hopeless else budget.take(time.monotonic())
            if pause is None:
                raise CrashLoopError(service.name, reason)
            fields = {"child": service.name, "reason": reason, "pause_seconds": pause}
            _log.error("service ended, starting it again", extra={"fields": fields})
            await asyncio.sleep(pause)

    async def _watch(self, service: ServiceCommand, child: ChildProcess, probe: HealthProbe) -> None:
        """Look at the health of a child; kill it when it will not get well by itself."""
        reason = await self._until_ready(service, probe)
        if reason is None:
            self._is_ready(service)
            reason = await self._until_silent(service, probe)
        self._why_killed[service.name] = reason
        child.send(signal.SIGKILL)

    async def _until_ready(self, service: ServiceCommand, probe: HealthProbe) -> str | None:
        deadline = time.monotonic() + self._patience.start
        while time.monotonic() < deadline:
            health = await probe.ask(service.url)
            if health is Health.READY:
                return None
            if health is Health.FAILED:
                return "its networks could not be loaded"
            await asyncio.sleep(0.1)
        return f"it was not ready within {self._patience.start:g} s"

    async def _until_silent(self, service: ServiceCommand, probe: HealthProbe) -> str:
        heard = time.monotonic()
        while True:
            await asyncio.sleep(self._patience.look)
            life = await probe.life(service.url)
            if life is Health.READY:
                heard = time.monotonic()
            elif time.monotonic() - heard > self._patience.silence:
                how = "said that its threads hang" if life is Health.FAILED else "gave no sign of life"
                return f"it {how} for {self._patience.silence:g} s"

    def _is_ready(self, service: ServiceCommand) -> None:
        if not self._waiting_for:
            _log.info("service is ready again", extra={"fields": {"child": service.name}})
            return
        self._waiting_for.discard(service.name)
        if not self._waiting_for:
            self._on_ready()

    async def _stop_children(self) -> None:
        for service in self._services:
            # Each running process has it too; of one that does not run nobody has to wait for an answer.
            service.listener.close()
        in_order = [
            self._children[service.name] for service in self._services if service.name in self._children
        ]
        for child in in_order[-1:]:
            await child.stop(patience=self._patience.stop)
        await asyncio.gather(*(child.stop(patience=self._patience.stop) for child in in_order[:-1]))

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        # What the caller has ignored stays ignored: nohup does so with SIGHUP.
        ours = [number for number in _STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        loop.add_signal_handler(signal.SIGCHLD, self._collect)
        for number in ours:
            loop.add_signal_handler(number, self._on_stop_signal)
        try:
            yield
        finally:
            for number in (signal.SIGCHLD, *ours):
                loop.remove_signal_handler(number)

    def _collect(self) -> None:
        for child in self._children.values():
            child.collect()

    def _on_stop_signal(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            return
        self._forced = True
        for child in self._children.values():
            child.send(signal.SIGKILL)


def _in_words(status: int) -> str:
    if status >= 0:
        return f"it ended with exit status {status}"
    with contextlib.suppress(ValueError):
        return f"it was ended by {signal.Signals(-status).name}"
    return f"it was ended by signal {-status}"
