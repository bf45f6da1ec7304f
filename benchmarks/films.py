"""How fast a film goes through the whole house, and where its CPU time goes: `python -m benchmarks.films`.

Starts `emotion serve`, sends a 720p film of one moving face with speech through HTTP, and prints Markdown:
times real time, CPU seconds of each process, and the share that is neither decoding nor networks.
"""

import argparse
import contextlib
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests import media_files

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """One run.

    Args:
        seconds: wall time from request to answer.
        cpu: CPU seconds of each service, without the decoder.
        networks: seconds inside `emotion_inference_duration_seconds`, per service.
        decoder_cpu: CPU seconds of the decoder processes.
    """

    seconds: float
    cpu: dict[str, float]
    networks: dict[str, float]
    decoder_cpu: float


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the film")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served() as (url, pids):
        film = media_files.talking_film(
            Path(folder) / "film.mp4", seconds=arguments.seconds, width=1280, height=720
        )
        body = film.read_bytes()
        send(url, body)
        runs = [measure(url, pids, body) for _ in range(arguments.runs)]
    report(arguments.seconds, runs)


@contextlib.contextmanager
def served(settings: Mapping[str, str] | None = None) -> Iterator[tuple[str, dict[str, int]]]:
    """Run `emotion serve` on a free port; give its address and the process of each service.

    Args:
        settings: more variables of its environment.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("emotion")), "serve", "--port", str(port)]
    environment = {**os.environ, **(settings or {})}
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    try:
        assert server.stdout is not None
        print(server.stdout.readline().strip())
        yield f"http://127.0.0.1:{port}", services_below(server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def services_below(parent: int) -> dict[str, int]:
    """Find the service processes by their command lines."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes().split(b"\0")
            if int(fields[1]) == parent and b"-m" in command:
                found[command[command.index(b"-m") + 1].decode()] = int(entry.name)
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and of its ended children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS


def send(url: str, body: bytes) -> dict[str, object]:
    """Analyse once."""
    answer = httpx.post(f"{url}/v1/analyses", content=body, timeout=600)
    answer.raise_for_status()
    analysis: dict[str, object] = answer.json()
    return analysis


def measure(url: str, pids: dict[str, int], body: bytes) -> Measured:
    """Analyse once and look at the clocks before and after."""
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    networks_before = {name: inference_seconds(pid) for name, pid in pids.items()}
    decoder_before = decoder_seconds(url)
    began = time.perf_counter()
    send(url, body)
    seconds = time.perf_counter() - began
    return Measured(
        seconds,
        {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()},
        {name: inference_seconds(pid) - networks_before[name] for name, pid in pids.items()},
        decoder_seconds(url) - decoder_before,
    )


def inference_seconds(pid: int) -> float:
    """Seconds inside the networks, by the service's own metrics."""
    return _sum_of(_metrics_of(pid), "emotion_inference_duration_seconds_sum")


def decoder_seconds(url: str) -> float:
    """CPU seconds of decoder processes, by the gateway's own metrics."""
    return _sum_of(httpx.get(f"{url}/metrics").text, "emotion_decoder_cpu_seconds_total")


def _metrics_of(pid: int) -> str:
    port = re.search(rb"EMOTION_PORT=(\d+)", Path(f"/proc/{pid}/environ").read_bytes())
    if port is None:
        return ""
    return httpx.get(f"http://127.0.0.1:{int(port[1])}/metrics").text


def _sum_of(text: str, name: str) -> float:
    values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
    return sum(float(value) for value in values)


def report(film_seconds: float, runs: list[Measured]) -> None:
    """Print medians as Markdown."""
    wall = statistics.median(run.seconds for run in runs)
    print(f"\nFilm of {film_seconds:g} s, 1280x720, 25 frames a second; {len(runs)} runs, medians.\n")
    print(f"{film_seconds / wall:.1f} times real time ({wall:.2f} s)\n")
    print("| process | CPU s |\n|---|---|")
    cpu = {name: statistics.median(run.cpu[name] for run in runs) for name in runs[0].cpu}
    cpu["decoder"] = statistics.median(run.decoder_cpu for run in runs)
    for name, seconds in cpu.items():
        print(f"| {name} | {seconds:.2f} |")
    total = sum(cpu.values())
    networks = {
        name: min(cpu[name], statistics.median(run.networks[name] for run in runs))
        for name in ("face_service", "speech_service")
    }
    rest = total - cpu["decoder"] - sum(networks.values())
    print(f"\nNeither decoder nor calls of the networks: {100 * rest / total:.0f} % of {total:.2f} CPU s")


if __name__ == "__main__":
    main()
