"""An analysis with everything that an export must cope with, and the golden files made of it.

`python -m tests.exports.material` writes the golden files anew: look at the difference before you commit it.
"""

from pathlib import Path
from xml.etree import ElementTree as ET

from gateway.exports.format import ExportFormat
from gateway.exports.formats import FORMATS
from shared.contracts.analyses import Analysis, Frame, FrameFace, Segment
from shared.contracts.emotions import EMOTIONS, Emotion
from shared.contracts.faces import Box
from tests.cli.samples import FILM, film_analysis, judged, moment, silent_picture_analysis

GOLDEN = Path(__file__).with_name("golden")


def face(person: int | None, label: Emotion, x: float = 0.25) -> FrameFace:
    return FrameFace(
        person=person,
        box=Box(x=x, y=-0.02, width=0.2, height=0.3),
        detection=0.97,
        **judged(label, 0.72),
    )


def two_people() -> Analysis:
    """Two people and a passing detection; a frame with nobody; turned by 90 degrees; speech from 1 s on."""
    happy, sad, calm = Emotion.HAPPINESS, Emotion.SADNESS, Emotion.NEUTRAL
    return film_analysis(
        media=FILM.model_copy(update={"seconds": 70.5}),
        frames=(
            Frame(t=0.0, faces=(face(1, calm),)),
            Frame(t=0.2, faces=()),
            Frame(t=0.4, faces=(face(1, happy), face(2, sad, 0.6))),
            Frame(t=0.6, faces=(face(1, happy), face(None, Emotion.FEAR, 0.8))),
            Frame(t=65.8, faces=(face(2, sad, 0.61),)),
        ),
        segments=(
            Segment(start=1.0, end=2.25, **judged(Emotion.SURPRISE, 0.55)),
            Segment(start=2.5, end=3.0, **judged(happy, 0.8)),
        ),
    )


def nobody() -> Analysis:
    """A picture in which nothing was found."""
    return silent_picture_analysis().model_copy(update={"frames": (Frame(t=0.0, faces=()),), "segments": ()})


def long_film(seconds: int) -> Analysis:
    """One face, five frames a second."""
    frames = (Frame(t=round(at * 0.2, 3), faces=(face(1, EMOTIONS[at % 7]),)) for at in range(seconds * 5))
    moments = (moment(at, EMOTIONS[at % 7]) for at in range(seconds))
    return film_analysis(frames=tuple(frames), moments=tuple(moments))


def written(export: ExportFormat, analysis: Analysis) -> bytes:
    return b"".join(export.pieces(analysis))


def parsed(export: ExportFormat, analysis: Analysis) -> ET.Element:
    return ET.fromstring(written(export, analysis))  # noqa: S314 - our own words


def golden_file(export: ExportFormat, name: str) -> Path:
    return GOLDEN / f"{name}.{export.name}"


SAMPLES = {"two_people": two_people, "nobody": nobody}

if __name__ == "__main__":
    for export in FORMATS:
        for name, sample in SAMPLES.items():
            golden_file(export, name).write_bytes(written(export, sample()))
