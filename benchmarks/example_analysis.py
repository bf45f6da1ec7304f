"""Write the example that /docs shows: a real analysis of a film that the tests make, shortened.

.venv/bin/python -m benchmarks.example_analysis
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import media_files

TARGET = Path(__file__).parents[1] / "gateway" / "routes" / "example_analysis.json"
_SHOWN = 2


def main() -> None:
    """Analyse, keep the first two of every long list, write."""
    emotion = Path(sys.executable).with_name("emotion")
    with tempfile.TemporaryDirectory() as folder:
        film = media_files.talking_film(Path(folder) / "film.mp4", seconds=4, width=640, height=360)
        output = subprocess.run(
            [emotion, "analyze", "--json", film], check=True, stdout=subprocess.PIPE
        ).stdout
    analysis = json.loads(output)
    analysis.pop("file", None)
    for name in ("frames", "moments", "segments"):
        analysis[name] = analysis[name][:_SHOWN]
    TARGET.write_text(json.dumps(analysis, indent=1) + "\n")


if __name__ == "__main__":
    main()
