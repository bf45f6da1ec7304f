"""What is drawn into a film or a picture, and the look at what came of it."""

import asyncio
from pathlib import Path

import av
import numpy as np

from cli.annotate import annotate
from cli.overlay import COLOURS
from cli.progress import NoProgress
from shared.contracts.analyses import Analysis, Frame, FrameFace
from shared.contracts.emotions import Emotion
from shared.contracts.faces import Box
from shared.contracts.media import Media, MediaKind, VideoStream
from tests.cli.samples import film_analysis, judged, moment

BOX = Box(x=0.4, y=0.2, width=0.2, height=0.4)
HAPPY = np.array(COLOURS[Emotion.HAPPINESS], dtype=int)


def face(box: Box = BOX, person: int | None = 1) -> FrameFace:
    return FrameFace(person=person, box=box, detection=0.9, **judged(Emotion.HAPPINESS, 0.8))


def analysis_of(kind: MediaKind, *, rotation: int = 0, seconds: float = 2.0, seen: float = 1.0) -> Analysis:
    """A face in the middle until `seen`."""
    frames = tuple(
        Frame(t=at / 5, faces=(face(),) if at / 5 < seen else ()) for at in range(int(seconds * 5))
    )
    video = VideoStream(codec="h264", width=320, height=240, fps=25, rotation=rotation)
    return film_analysis(
        media=Media(kind=kind, container="mp4", seconds=seconds, video=video),
        frames=frames,
        moments=(moment(0, Emotion.HAPPINESS), moment(1, Emotion.ANGER)),
    )


def draw(film: Path, analysis: Analysis, out: Path) -> Path:
    return asyncio.run(annotate(film, analysis, out, NoProgress()))


def pictures_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in film.decode(video=0)]


def is_near(pixel: np.ndarray, colour: np.ndarray) -> bool:
    return bool(np.abs(pixel - colour).max() < 70)
