"""CSV, a row for each face of each frame: OpenFace's first columns, the emotions, and py-feat's columns.

One file serves both: OpenFace's readers look at the columns that they know by name, and py-feat's `read_feat`
finds its box columns, its seven emotions (it has the same seven, by the same names), `frame` and `input`.
"""

from collections.abc import Iterator

from gateway.exports.format import ExportFormat
from gateway.exports.rows import Cell, csv_lines
from shared.contracts.analyses import Analysis, Detail, Frame, FrameFace
from shared.contracts.emotions import EMOTIONS
from shared.contracts.media import Media

# OpenFace 2.2, "Output format": https://github.com/TadasBaltrusaitis/OpenFace/wiki/Output-Format
_OPENFACE = ("frame", "face_id", "timestamp", "confidence", "success")
_EMOTIONS = tuple(emotion.value for emotion in EMOTIONS)
# py-feat 2.1, feat/utils/__init__.py: FEAT_FACEBOX_COLUMNS, and what its detectors add.
_PY_FEAT = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore")
_PY_FEAT_FRAME = ("FrameWidth", "FrameHeight", "approx_time", "input")
_OURS = ("label", "label_confidence", "uncertain")
COLUMNS = (*_OPENFACE, *_EMOTIONS, *_PY_FEAT, *_OURS, *_PY_FEAT_FRAME)

_NO_FACE: tuple[Cell, ...] = (None,) * (len(_EMOTIONS) + len(_PY_FEAT) + len(_OURS))


def write_faces(analysis: Analysis) -> Iterator[str]:
    """Give the table; a frame without a face gives one row with `success` 0 and empty scores.

    `frame` counts the sampled frames from 0. `face_id` is the person of the face; 0 is a passing detection
    that was taken for nobody, and a frame without a face. `confidence` and `FaceScore` are the detection's
    score, boxes are pixels of the upright picture, and `input` is the analysis: no file's name is kept.
    """
    return csv_lines(COLUMNS, _rows(analysis))


def _rows(analysis: Analysis) -> Iterator[tuple[Cell, ...]]:
    width, height = upright_size(analysis.media)
    for number, frame in enumerate(analysis.frames or ()):
        tail = (width, height, _minutes(frame), analysis.id)
        if not frame.faces:
            yield (number, 0, frame.t, 0.0, 0, *_NO_FACE, *tail)
        for face in frame.faces:
            yield (
                *(number, face.person or 0, frame.t, face.detection, 1),
                *face.scores.values(),
                *_rectangle(face, width, height),
                *(face.detection, face.label.value, face.confidence, int(face.uncertain)),
                *tail,
            )


def upright_size(media: Media) -> tuple[int, int]:
    """Give width and height in pixels once turned upright; (1, 1) where there is no video."""
    if media.video is None:
        return 1, 1
    size = media.video.width, media.video.height
    return size if media.video.rotation % 180 == 0 else (size[1], size[0])


def _rectangle(face: FrameFace, width: int, height: int) -> tuple[float, ...]:
    box = face.box
    return (
        round(box.x * width, 2),
        round(box.y * height, 2),
        round(box.width * width, 2),
        round(box.height * height, 2),
    )


def _minutes(frame: Frame) -> str:
    """Give the time as py-feat does: `01:05` for 65 s."""
    minutes, seconds = divmod(int(frame.t), 60)
    return f"{minutes:02}:{seconds:02}"


FACES_CSV = ExportFormat(
    name="csv",
    media_type="text/csv",
    parameters="; charset=utf-8; header=present",
    summary="A row for each face of each frame; for pandas, R, OpenFace's and py-feat's readers.",
    needs=Detail.FRAMES,
    write=write_faces,
)
