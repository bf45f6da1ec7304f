"""`make stress`: the long forms, one after the other, and a table of what came back.

python -m tests.stress --requests 10000 --files 10000 --seconds 20
"""

import argparse
import json
import subprocess
import sys
import time
from typing import Any

from tests.stress.placing import use_core


def run(module: str, *arguments: str) -> tuple[dict[str, Any], float]:
    """Run a program of this room; give its figures and how long it took."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", f"tests.stress.{module}", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        figures = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        figures = {"misses": [f"exit status {done.returncode}: {said[0][:200]}"]}
    return figures, time.monotonic() - began


def faults() -> tuple[dict[str, Any], float]:
    """Run every test of this room, those that take long too."""
    began = time.monotonic()
    rooms = ("tests/stress", "tests/jobs", "tests/live")
    command = [sys.executable, "-m", "pytest", "-q", "-m", "stack or long", *rooms, "--tb=short"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    failed = [line[:150] for line in lines if line.startswith(("FAILED", "ERROR"))]
    misses = failed or ([] if done.returncode == 0 else lines[-3:])
    return {"result": lines[-1] if lines else "", "misses": misses}, time.monotonic() - began


def in_words(name: str, figures: dict[str, Any]) -> str:
    """Say in a line what came back."""
    if name.startswith("overload") and "peak" in figures:
        return (
            f"{figures['peak']:.1f}/s at peak,"
            f" {figures['goodput']:.1f}/s of {figures['asked']:.0f}/s that were asked for;"
            f" refusals p99 {figures['refusal_ms'][1]:.0f} ms,"
            f" liveness p99 {figures['liveness_ms'][1]:.0f} ms,"
            f" well again after {figures['recovery_seconds']:.1f} s"
        )
    if name == "soak" and "growth" in figures:
        growth = ", ".join(f"{process} {bytes_:.0f}" for process, (bytes_, _) in figures["growth"].items())
        return f"{figures['requests']} requests; growth in bytes a request: {growth}"
    if name == "fuzz" and "outcomes" in figures:
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in figures["outcomes"].items())
        return f"{outcomes}; slowest {figures['slowest_seconds']} s"
    return str(figures.get("result", ""))


def main() -> int:
    """Run it; 1 when anything was not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="of the soak")
    parser.add_argument("--files", type=int, default=10_000, help="of the fuzzing")
    parser.add_argument("--seconds", type=float, default=20, help="of each phase of the overload")
    parser.add_argument("--only", choices=["faults", "overload", "fuzz", "soak"])
    parser.add_argument("--core", type=int, help="run everything on this core only")
    arguments = parser.parse_args()
    use_core(arguments.core)
    parts = {
        "overload, pictures": lambda: run("overload", "--media=picture", f"--seconds={arguments.seconds}"),
        "overload, films": lambda: run("overload", "--media=film", f"--seconds={arguments.seconds}"),
        "faults": faults,
        "fuzz": lambda: run("fuzz", f"--files={arguments.files}"),
        "soak": lambda: run("soak", f"--requests={arguments.requests}"),
    }
    missed = []
    for name, part in parts.items():
        if arguments.only and not name.startswith(arguments.only):
            continue
        figures, seconds = part()
        verdict = "MISSED" if figures["misses"] else "kept"
        print(f"{name:20} {verdict:7} {seconds:6.0f} s  {in_words(name, figures)}", flush=True)  # noqa: T201
        for miss in figures["misses"]:
            print(f"{'':29}{miss}", flush=True)  # noqa: T201
        if figures["misses"]:
            missed.append(name)
    print(f"missed: {', '.join(missed)}" if missed else "everything was kept")  # noqa: T201
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
