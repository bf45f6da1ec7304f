"""Pictures for the comparison of face detectors: with one face at a known place, and without any.

Corpora are found in the folder that EMOTION_CORPORA names. Pictures without faces come with scikit-image.
"""

import csv
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from face_service.detection import Detection, Picture

FRAME = (640, 360)
# Where the face is in an uncropped KDEF picture, in parts of its width and height, and how wide it is.
_KDEF_MIDDLE, _KDEF_FACE = (0.5, 0.56), 0.62
_WITHOUT_FACES = (
    "brick",
    "chelsea",
    "clock",
    "coffee",
    "colorwheel",
    "grass",
    "gravel",
    "horse",
    "hubble_deep_field",
    "immunohistochemistry",
    "moon",
    "page",
    "retina",
    "rocket",
    "text",
)


@dataclass(frozen=True, eq=False)
class Example:
    """A picture with one face.

    Args:
        picture: RGB.
        middle: of the face, pixels.
        width: of the face, pixels.
    """

    picture: Picture
    middle: tuple[float, float]
    width: float

    def hit_by(self, detection: Detection) -> bool:
        """Whether a box is on this face: its middle within half a face, its size within a factor of 2.2."""
        x, y, width, height = detection.box
        aside = np.hypot(x + width / 2 - self.middle[0], y + height / 2 - self.middle[1])
        ratio = float(np.sqrt(width * height)) / self.width
        return bool(aside <= self.width / 2 and 1 / 2.2 <= ratio <= 2.2)


def corpora() -> Path:
    """Give the folder of the corpora.

    Raises:
        KeyError: EMOTION_CORPORA is not set.
    """
    return Path(os.environ["EMOTION_CORPORA"])


def _pack(name: str) -> tuple[dict[str, NDArray[np.generic]], list[bytes]]:
    columns = dict(np.load(corpora() / "faces" / name))
    offsets = columns["offsets"]
    data = columns["data"].tobytes()
    return columns, [data[offsets[i] : offsets[i + 1]] for i in range(len(offsets) - 1)]


def _decode(content: bytes) -> Picture:
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    return np.asarray(picture, dtype=np.uint8)


def aligned(count: int) -> list[Example]:
    """Pictures of RAF-DB's training part, 100 x 100, filled by one face."""
    _, files = _pack("rafdb_train.npz")
    chosen = files[:: max(1, len(files) // count)][:count]
    return [Example(_decode(content), (50.0, 55.0), 80.0) for content in chosen]


def posed(angle: str, count: int) -> list[Example]:
    """KDEF crops of one angle, 160 x 160, filled by one face."""
    columns, files = _pack("kdef.npz")
    chosen = [content for content, found in zip(files, columns["angle"], strict=True) if found == angle]
    chosen = chosen[:: max(1, len(chosen) // count)][:count]
    return [Example(_decode(content), (80.0, 85.0), 110.0) for content in chosen]


def portraits() -> list[Picture]:
    """The uncropped KDEF pictures: 12 people at five angles."""
    with zipfile.ZipFile(corpora() / "faces" / "kdef_full_angles.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.lower().endswith(".jpg"))
        return [_decode(archive.read(name)) for name in names]


def pasted(face_width: float, roll: float = 0.0, *, seed: int = 5) -> list[Example]:
    """The portraits in a frame of 640 x 360 before other pictures, at a random place.

    Args:
        face_width: pixels.
        roll: degrees, clockwise.
        seed: of the places.
    """
    random = np.random.default_rng(seed)
    grounds: list[Picture]
    grounds = [np.asarray(cv2.resize(picture, FRAME), dtype=np.uint8) for picture in empty()]
    examples = []
    for index, portrait in enumerate(portraits()):
        height, width = portrait.shape[:2]
        scale = face_width / (_KDEF_FACE * width)
        shrink = max(1, int(1 / scale))
        small = cv2.resize(portrait, (width // shrink, height // shrink), interpolation=cv2.INTER_AREA)
        middle = np.array(_KDEF_MIDDLE) * small.shape[1::-1]
        matrix = cv2.getRotationMatrix2D(tuple(middle), -roll, face_width / (_KDEF_FACE * small.shape[1]))
        free = np.array(FRAME) / 2 - min(face_width, 150)
        place = np.array(FRAME) / 2 + random.uniform(-1, 1, 2) * np.clip(free, 0, None)
        matrix[:, 2] += place - middle
        frame = grounds[index % len(grounds)].copy()
        layer = cv2.warpAffine(small, matrix, FRAME, flags=cv2.INTER_LINEAR)
        mask = cv2.warpAffine(np.ones(small.shape[:2], np.uint8), matrix, FRAME, flags=cv2.INTER_NEAREST)
        frame[mask > 0] = layer[mask > 0]
        examples.append(Example(frame, (float(place[0]), float(place[1])), face_width))
    return examples


def film_frames(every: int) -> Iterator[Picture]:
    """Every so many frames of the Java-SED films, 360 x 270; one frontal face in each."""
    folder = corpora() / "av" / "javased"
    with (folder / "index.csv").open() as file:
        names = [row["file"] for row in csv.DictReader(file)]
    for name in names:
        film = cv2.VideoCapture(str(folder / name))
        number = 0
        while film.grab():
            if number % every == every // 2:
                yield np.asarray(cv2.cvtColor(film.retrieve()[1], cv2.COLOR_BGR2RGB), dtype=np.uint8)
            number += 1


def empty() -> list[Picture]:
    """Pictures in which nobody's face is (so not scikit-image's coins: there are heads on them)."""
    pictures = []
    for name in _WITHOUT_FACES:
        made = getattr(skimage.data, name, None)
        if made is None:
            continue
        try:
            picture = made()
        except (OSError, ModuleNotFoundError):  # not in the package, and not fetched
            continue
        if picture.dtype == bool:
            picture = picture.astype(np.uint8) * 255
        if picture.ndim == 2:
            picture = np.repeat(picture[..., None], 3, axis=2)
        pictures.append(np.ascontiguousarray(picture[..., :3]))
    return pictures


def empty_views() -> list[Picture]:
    """The same, whole and in quarters, each at 640 pixels: what a detector should find nothing in."""
    views: list[Picture] = []
    for picture in empty():
        height, width = picture.shape[0] // 2, picture.shape[1] // 2
        quarters = [picture[y : y + height, x : x + width] for y in (0, height) for x in (0, width)]
        for part in (picture, *quarters):
            scale = 640 / max(part.shape[:2])
            views.append(np.asarray(cv2.resize(part, None, fx=scale, fy=scale), dtype=np.uint8))
    return views
