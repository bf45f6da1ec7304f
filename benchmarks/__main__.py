"""All figures of docs/performance.md, one after the other: `python -m benchmarks [--quick]`.

About fifteen minutes on two quiet cores: the hour of film takes four, the installation of the peers
several. `--quick` leaves out both and takes shorter films.
"""

import argparse
import subprocess
import sys

_ALL = (
    ("films",),
    ("small_uploads",),
    ("decode",),
    ("long_films",),
    ("live",),
    ("side_by_side",),
)
_QUICK = (
    ("films", "--seconds", "20"),
    ("small_uploads", "--runs", "10"),
    ("decode", "--seconds", "10"),
    ("long_films", "--seconds", "10", "60"),
    ("live", "--seconds", "15", "--minutes", "3"),
)


def main() -> None:
    """Run the benchmarks in processes of their own; go on where one fails, and say so at the end."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few minutes, no peers")
    chosen = _QUICK if parser.parse_args().quick else _ALL
    failed = []
    for name, *arguments in chosen:
        print(f"\n## {name}\n", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=False).returncode:
            failed.append(name)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
