"""Ten times more requests than it can serve: what is still served, and how the rest is refused.

python -m tests.stress.overload --media picture --seconds 20
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from tests import media_files
from tests.cli.stack import serving
from tests.stress.load import Answer, Caller, percentile
from tests.stress.placing import use_core

_PROBE_EVERY_SECONDS = 0.05
# What is served before the house is full, and after the last request, is no steady state: each phase begins
# so much longer, as a part of its length, before it counts.
_SETTLING = 0.25


@dataclass(frozen=True)
class OverloadFigures:
    """What was measured.

    Args:
        peak: analyses a second when as many are asked for as may run and wait.
        goodput: analyses a second under overload.
        asked: requests a second under overload.
        statuses: how often each status came under overload.
        refusals_without_retry_after: refusals that did not say when to come back.
        refusal_ms: median and 99th percentile of the time of a refusal, milliseconds.
        liveness_ms: median and 99th percentile of /health/live meanwhile, milliseconds.
        recovery_seconds: from the last request of the overload until one more is served.
        after: analyses a second afterwards, as `peak`.
    """

    peak: float
    goodput: float
    asked: float
    statuses: dict[int, int]
    refusals_without_retry_after: int
    refusal_ms: tuple[float, float]
    liveness_ms: tuple[float, float]
    recovery_seconds: float
    after: float

    def misses(self) -> list[str]:
        """Say which promises were not kept."""
        promises = {
            "at least 90 % of peak goodput": self.goodput >= 0.9 * min(self.peak, self.after),
            "refusals under 50 ms (p99)": self.refusal_ms[1] < 50,
            "liveness under 100 ms (p99)": self.liveness_ms[1] < 100,
            "recovery within 5 seconds": self.recovery_seconds < 5,
        }
        return [promise for promise, kept in promises.items() if not kept] + self.faults()

    def faults(self) -> list[str]:
        """Say what must not be on any machine, however slow."""
        found = [f"status {status}" for status in self.statuses if status not in {200, 503}]
        if self.refusals_without_retry_after:
            found.append("refusals without Retry-After")
        if not self.statuses.get(200):
            found.append("nothing was served")
        return found


async def overload(url: str, content: bytes, *, seconds: float, times: float = 10.0) -> OverloadFigures:
    """Measure the peak, then ask for `times` as much for so long, then look whether it recovers."""
    caller = Caller(url)
    limits = json.loads((await caller.get("/v1/limits")).body)
    at_once = limits["max_analyses"] + limits["max_waiting"] // 2
    await _closed_loop(caller, content, at_once=at_once, seconds=min(2.0, seconds))
    peak = await _closed_loop(caller, content, at_once=at_once, seconds=seconds)
    probing = asyncio.create_task(_probe(url))
    began = time.perf_counter()
    lasts = (1 + _SETTLING) * seconds
    answers = await _open_loop(caller, content, rate=times * peak, seconds=lasts)
    asked = len(answers) / lasts
    settled, ended = began + _SETTLING * seconds, began + lasts
    probing.cancel()
    liveness = await asyncio.gather(probing, return_exceptions=True)
    recovery = await _recovery(caller, content)
    after = await _closed_loop(caller, content, at_once=at_once, seconds=seconds)
    await caller.close()
    refusals = [answer for _, answer in answers if answer.status == 503]
    refusal_ms = [1000 * answer.seconds for answer in refusals]
    liveness_ms = liveness[0] if isinstance(liveness[0], list) else []
    return OverloadFigures(
        peak=peak,
        goodput=sum(answer.status == 200 and settled < when <= ended for when, answer in answers) / seconds,
        asked=asked,
        statuses=dict(Counter(answer.status for _, answer in answers)),
        refusals_without_retry_after=sum(not answer.retry_after for answer in refusals),
        refusal_ms=(percentile(refusal_ms, 50), percentile(refusal_ms, 99)),
        liveness_ms=(percentile(liveness_ms, 50), percentile(liveness_ms, 99)),
        recovery_seconds=recovery,
        after=after,
    )


async def _closed_loop(caller: Caller, content: bytes, *, at_once: int, seconds: float) -> float:
    """Keep so many requests running; give how many were served in a second, once settled."""
    served = 0
    settled = time.perf_counter() + _SETTLING * seconds
    ends = settled + seconds

    async def client() -> None:
        nonlocal served
        while time.perf_counter() < ends:
            answer = await caller.post(content)
            served += answer.status == 200 and settled < time.perf_counter() <= ends

    await asyncio.gather(*(client() for _ in range(at_once)))
    return served / seconds


async def _open_loop(
    caller: Caller, content: bytes, *, rate: float, seconds: float
) -> list[tuple[float, Answer]]:
    """Send requests at a rate, whether or not the others have been answered; give when each was answered."""
    answers: list[tuple[float, Answer]] = []

    async def call() -> None:
        answer = await caller.post(content)
        answers.append((time.perf_counter(), answer))

    began = time.perf_counter()
    async with asyncio.TaskGroup() as calls:
        sent = 0
        while (now := time.perf_counter() - began) < seconds:
            while sent < now * rate:
                calls.create_task(call())
                sent += 1
            await asyncio.sleep(1 / rate)
    return answers


async def _probe(url: str) -> list[float]:
    """Ask for /health/live until cancelled; give the milliseconds of each answer."""
    caller = Caller(url)
    times: list[float] = []
    try:
        while True:
            answer = await caller.get("/health/live")
            times.append(1000 * answer.seconds if answer.status == 200 else float("inf"))
            await asyncio.sleep(_PROBE_EVERY_SECONDS)
    except asyncio.CancelledError:
        return times
    finally:
        await caller.close()


async def _recovery(caller: Caller, content: bytes) -> float:
    """Seconds until a request is served; it was the turn of those that waited before."""
    began = time.perf_counter()
    for _ in range(600):
        if (await caller.post(content)).status == 200:
            return time.perf_counter() - began
        await asyncio.sleep(0.1)
    return float("inf")


def media(kind: str, folder: Path) -> bytes:
    """A picture of 512 x 512 with a face, or a film of two seconds with a face and a voice."""
    if kind == "picture":
        return media_files.write_picture(folder / "face.jpg", quality=85).read_bytes()
    return media_files.talking_film(folder / "film.mp4", seconds=2).read_bytes()


def main() -> int:
    """Run it and print the figures as JSON; 1 when a promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--media", choices=["picture", "film"], default="film")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--core", type=int, help="run everything on this core only")
    arguments = parser.parse_args()
    use_core(arguments.core)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = media(arguments.media, folder)
        with serving(folder / "server") as server:
            figures = uvloop.run(overload(server.url, content, seconds=arguments.seconds))
    print(json.dumps({**asdict(figures), "misses": figures.misses()}, indent=1))  # noqa: T201
    return 1 if figures.misses() else 0


if __name__ == "__main__":
    raise SystemExit(main())
