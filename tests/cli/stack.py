"""`emotion serve` as a user starts it."""

import contextlib
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

EMOTION = Path(sys.executable).with_name("emotion")
READY = re.compile(
    r"Emotion server ready on (http://127\.0\.0\.1:\d+) \(page: \1/, docs: \1/docs\) in (\d+\.\d) s\n"
)


@dataclass(frozen=True)
class RunningServer:
    process: subprocess.Popen[str]
    url: str
    seconds: float
    log: Path


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours without settings of the server, except where networks lie: candidates can be tested in place."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("EMOTION_") or name.endswith("_MODELS")
    }
    return {**ours, **(more or {})}


def run_analyze(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """`emotion analyze` to its end; `environment` on top of a clean one."""
    return subprocess.run(
        [EMOTION, "analyze", *map(str, arguments)],
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@contextlib.contextmanager
def serving(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[RunningServer]:
    """Start `emotion serve` on a free port in a folder of its own, and stop it in the end."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log.jsonl"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [EMOTION, "serve", "--port", "0", *arguments],
            cwd=folder,
            env=clean_environment({"EMOTION_JOBS__DATA_FOLDER": str(folder / "jobs"), **(environment or {})}),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        url, seconds = _wait_until_ready(process, log)
        yield RunningServer(process, url, seconds, log)
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _wait_until_ready(process: subprocess.Popen[str], log: Path) -> tuple[str, float]:
    readable, _, _ = select.select([process.stdout], [], [], 90)
    line = process.stdout.readline() if readable else ""
    if (match := READY.fullmatch(line)) is None:
        raise AssertionError(f"not ready; said {line!r}; its log ends with {log.read_text()[-3000:]}")
    return match[1], float(match[2])
