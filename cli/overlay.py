"""What is drawn into a picture: a box and a label for each face, and the timeline along the lower edge."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from PIL import Image, ImageDraw, ImageFont

from cli.wording import percent
from shared.contracts.analyses import Analysis, FrameFace
from shared.contracts.emotions import Emotion
from shared.contracts.fusion import Moment

Colour = tuple[int, int, int]

COLOURS: dict[Emotion, Colour] = {
    Emotion.NEUTRAL: (200, 200, 200),
    Emotion.HAPPINESS: (250, 204, 21),
    Emotion.SADNESS: (59, 130, 246),
    Emotion.ANGER: (239, 68, 68),
    Emotion.FEAR: (217, 70, 239),
    Emotion.DISGUST: (34, 197, 94),
    Emotion.SURPRISE: (34, 211, 238),
}
_DARK = (17, 17, 17)
_LIGHT = (255, 255, 255)
_ROWS = ("fused", "face", "voice")
# A face is shown for so long after the frame that it was found in, in steps between frames.
_SHOWN_STEPS = 1.5


@dataclass(frozen=True, slots=True)
class ShownFace:
    """A face at a moment of the film.

    Args:
        corners: left, top, right, bottom in fractions of the picture.
        text: what stands over it.
        emotion: what it shows.
    """

    corners: tuple[float, float, float, float]
    text: str
    emotion: Emotion


@dataclass(slots=True)
class _Track:
    times: list[float] = field(default_factory=list)
    faces: list[FrameFace] = field(default_factory=list)


class FaceTracks:
    """Where everybody's face is at any time: between two frames it moves in a straight line.

    Args:
        analysis: with frames.
    """

    def __init__(self, analysis: Analysis) -> None:
        frames = analysis.frames or ()
        self._step = median([later.t - frame.t for frame, later in pairwise(frames)] or [0.2])
        self._tracks: dict[int, _Track] = {}
        for frame in frames:
            for face in frame.faces:
                if face.person is not None:
                    track = self._tracks.setdefault(face.person, _Track())
                    track.times.append(frame.t)
                    track.faces.append(face)

    def at(self, seconds: float) -> list[ShownFace]:
        """Give the faces to be seen at a time of the film."""
        shown = (self._of(person, track, seconds) for person, track in self._tracks.items())
        return [face for face in shown if face is not None]

    def _of(self, person: int, track: _Track, seconds: float) -> ShownFace | None:
        at = bisect_right(track.times, seconds) - 1
        longest = self._step * _SHOWN_STEPS
        if at < 0 or seconds - track.times[at] > longest:
            return None
        face, corners = track.faces[at], _corners(track.faces[at])
        if at + 1 < len(track.times) and track.times[at + 1] - track.times[at] <= longest:
            share = (seconds - track.times[at]) / (track.times[at + 1] - track.times[at])
            following = _corners(track.faces[at + 1])
            left, top, right, bottom = (
                before + share * (after - before) for before, after in zip(corners, following, strict=True)
            )
            corners = (left, top, right, bottom)
        text = f"{person}  {face.label} {percent(face.confidence)}{' ?' if face.uncertain else ''}"
        return ShownFace(corners, text, face.label)


def _corners(face: FrameFace) -> tuple[float, float, float, float]:
    box = face.box
    return box.x, box.y, box.x + box.width, box.y + box.height


def draw_faces(image: Image.Image, faces: Sequence[ShownFace]) -> None:
    """Draw boxes and labels into an RGB picture."""
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(_text_height(image))
    line = max(2, image.height // 180)
    for face in faces:
        left, top, right, bottom = face.corners
        box = (left * image.width, top * image.height, right * image.width, bottom * image.height)
        draw.rectangle(box, outline=COLOURS[face.emotion], width=line)
        _draw_label(draw, face, box, font, image.size)


def _draw_label(
    draw: ImageDraw.ImageDraw,
    face: ShownFace,
    box: tuple[float, float, float, float],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    size: tuple[int, int],
) -> None:
    width, height = draw.textbbox((0, 0), face.text, font=font)[2:]
    left = min(max(0.0, box[0]), max(0.0, size[0] - width - 6))
    # Above the box where there is room, else inside it.
    top = box[1] - height - 4 if box[1] - height - 4 >= 0 else max(0.0, box[1])
    draw.rectangle((left, top, left + width + 6, top + height + 4), fill=COLOURS[face.emotion])
    draw.text((left + 3, top + 1), face.text, fill=_DARK, font=font)


def _text_height(image: Image.Image) -> int:
    return max(11, image.height // 28)


class TimelineStrip:
    """The timeline of a film along the lower edge: fused, face and voice, with a line where the film is.

    Args:
        analysis: with moments.
        size: width and height of the pictures, pixels.
    """

    def __init__(self, analysis: Analysis, size: tuple[int, int]) -> None:
        self._moments = analysis.moments or ()
        width, height = size
        self._row = max(4, height // 60)
        self._height = self._row * (len(_ROWS) + 1) + 2 * _ROWS_GAP
        self._seconds = max([analysis.media.seconds or 0.0, *(moment.end for moment in self._moments)])
        self._band = Image.new("RGBA", (width, self._height), (*_DARK, 190))
        draw = ImageDraw.Draw(self._band)
        for moment in self._moments:
            self._draw_moment(draw, moment)

    def _draw_moment(self, draw: ImageDraw.ImageDraw, moment: Moment) -> None:
        left, right = self._place(moment.start), self._place(moment.end)
        emotions = (
            moment.label,
            moment.face.label if moment.face else None,
            moment.speech.label if moment.speech else None,
        )
        for number, emotion in enumerate(emotions):
            if emotion is not None:
                top = self._row // 2 + number * (self._row + _ROWS_GAP)
                draw.rectangle((left, top, max(left, right - 1), top + self._row - 1), fill=COLOURS[emotion])

    def _place(self, seconds: float) -> float:
        return self._band.width * seconds / self._seconds

    def draw(self, image: Image.Image, seconds: float) -> None:
        """Draw it into an RGB picture of the size given."""
        if not self._moments or not self._seconds:
            return
        top = image.height - self._height
        image.paste(self._band, (0, top), self._band)
        draw = ImageDraw.Draw(image)
        here = min(self._place(seconds), image.width - 1)
        draw.line((here, top, here, image.height), fill=_LIGHT, width=max(1, image.width // 400))
        now = next((one for one in self._moments if one.start <= seconds < one.end), None)
        if now is not None:
            text = f"{now.label} {percent(now.confidence)}{' ?' if now.uncertain else ''}"
            font = ImageFont.load_default(_text_height(image))
            place = (8, top - _text_height(image) - 8)
            outline = max(1, _text_height(image) // 10)
            draw.text(place, text, COLOURS[now.label], font, stroke_width=outline, stroke_fill=_DARK)


_ROWS_GAP = 2
