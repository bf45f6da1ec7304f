"""Draw docs/report.svg, the picture of the README: what `emotion analyze` prints for a film.

python -m benchmarks.report_picture
"""

import json
import re
import subprocess
import sys
import tempfile
from io import StringIO
from itertools import chain
from pathlib import Path

from rich.console import Console

from cli.report import print_report
from shared.contracts.analyses import Analysis
from tests import media_files

TARGET = Path(__file__).parents[1] / "docs" / "report.svg"


def main() -> None:
    """Analyse a film of two shots with a voice, print the report, save it as a picture."""
    emotion = Path(sys.executable).with_name("emotion")
    with tempfile.TemporaryDirectory() as folder:
        pictures = chain(
            media_files.moving_face(media_files.astronaut(), frames=75, width=640, height=360),
            media_files.moving_face(media_files.grace_hopper(), frames=75, width=640, height=360),
        )
        film = media_files.write_film(Path(folder) / "film.mp4", pictures, media_files.speech(6.0, 48_000))
        output = subprocess.run(
            [emotion, "analyze", "--json", film], check=True, stdout=subprocess.PIPE
        ).stdout
    answer = json.loads(output)
    answer.pop("file")
    console = Console(record=True, width=84, file=StringIO(), force_terminal=True)
    print_report(console, "film.mp4", Analysis.model_validate_json(json.dumps(answer)))
    picture = console.export_svg(title="emotion analyze film.mp4")
    # The picture must load nothing: readers without the font get their own monospaced one.
    TARGET.write_text(re.sub(r"@font-face\s*{.*?}", "", picture, flags=re.DOTALL))


if __name__ == "__main__":
    main()
