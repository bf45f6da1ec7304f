"""Good files with seeded damage, uploaded: nothing but right answers and clean refusals may come back.

python -m tests.stress.fuzz --files 10000 --seed 23
"""

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from shared.contracts.analyses import Analysis
from shared.contracts.problems import ProblemDocument
from tests.media.fuzzing import EXPECTED, mutants, small_files
from tests.stress.load import Answer, Caller, percentile
from tests.stress.own_server import own_server
from tests.stress.placing import use_core

_AT_ONCE = 2


@dataclass
class FuzzFigures:
    """How a run ended.

    Args:
        outcomes: how often each answer came.
        unexpected: which damage led to an answer that must not be.
        seconds: how long each answer took.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


async def fuzz(url: str, contents: Sequence[bytes], *, count: int, seed: int) -> FuzzFigures:
    """Upload so many damaged files."""
    caller = Caller(url)
    figures = FuzzFigures()
    uploads = mutants(contents, count, seed)

    async def client() -> None:
        for name, content in uploads:
            answer = await caller.post(content, "/v1/analyses?fps=2")
            figures.seconds.append(answer.seconds)
            kind, fault = judged(answer)
            figures.outcomes[kind] += 1
            if fault:
                figures.unexpected.append(f"{name}: {kind}: {fault}")

    await asyncio.gather(*(client() for _ in range(_AT_ONCE)))
    await caller.close()
    return figures


def judged(answer: Answer) -> tuple[str, str]:
    """Name what came back, and say what is wrong with it, if anything."""
    if answer.status == 200:
        try:
            analysis = Analysis.model_validate_json(answer.body)
        except ValidationError as error:
            return "analysis", str(error)
        times = [frame.t for frame in analysis.frames or ()]
        if times != sorted(times):
            return "analysis", "frames are not in order"
        return "analysis", "" if analysis.status == "complete" else "partial without any fault"
    try:
        problem = ProblemDocument.model_validate_json(answer.body)
    except ValidationError:
        return f"status {answer.status}", answer.body[:200].decode(errors="replace")
    kind = problem.type.removeprefix("/problems/")
    inner = [word for word in ("/tmp", "/proc", "Traceback", ".py") if word in problem.detail]  # noqa: S108 - looked for
    return kind, "" if kind in EXPECTED and not inner else problem.detail


def main() -> int:
    """Run it against a server of its own and print the figures as JSON; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=23)
    parser.add_argument("--core", type=int, help="run everything on this core only")
    arguments = parser.parse_args()
    use_core(arguments.core)
    with own_server() as server:
        contents = small_files(server.folder)
        before = server.footprint()
        figures = asyncio.run(fuzz(server.url, contents, count=arguments.files, seed=arguments.seed))
        left = server.footprint().more_than(before)
        log = server.running.log.read_text()
    alarms = [line[:300] for line in log.splitlines() if '"error"' in line or "Traceback" in line]
    found = {
        "files": arguments.files,
        "seed": arguments.seed,
        "outcomes": dict(figures.outcomes),
        "slowest_seconds": round(max(figures.seconds), 2),
        "p99_seconds": round(percentile(figures.seconds, 99), 2),
        "misses": [*figures.unexpected[:50], *left, *alarms[:20]],
    }
    print(json.dumps(found, indent=1))  # noqa: T201
    return 1 if found["misses"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
