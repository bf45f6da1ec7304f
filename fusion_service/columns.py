"""The faces and segments of a request as numpy columns, one row a face or a segment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from shared.contracts.fusion import FrameFaces
from shared.contracts.problems import Problem
from shared.contracts.speech import SpeechSegment
from shared.contracts.vectors import unpack_vector

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FaceColumns:
    """All faces of a film. Rows are in order of time; n faces in f frames.

    Attributes:
        frame: [n] index of the frame.
        place: [n] place of the face inside its frame, as sent.
        t: [n] seconds.
        box: [n, 4] left, top, width, height in fractions of the picture.
        detection: [n] 0..1.
        pixels: [n] size of the face.
        sharpness: [n] standard deviation of the Laplacian.
        yaw: [n] degrees from frontal, without sign; 0 where not known.
        scores: [n, 7] sum to 1.
        appearance: [n, k] of unit length, a row of NaN where not known; k is 0 when no face has one.
        expression: [n, b], a row of NaN where not known; b is 0 when no face has one.
    """

    frame: IntArray
    place: IntArray
    t: FloatArray
    box: FloatArray
    detection: FloatArray
    pixels: FloatArray
    sharpness: FloatArray
    yaw: FloatArray
    scores: FloatArray
    appearance: NDArray[np.float32]
    expression: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True, slots=True)
class SegmentColumns:
    """All segments of speech, n of them.

    Attributes:
        start: [n] seconds.
        end: [n] seconds.
        snr_db: [n] decibels.
        scores: [n, 7] sum to 1.
        voice: [n, k], a row of NaN where not known; k is 0 when no segment has one.
    """

    start: FloatArray
    end: FloatArray
    snr_db: FloatArray
    scores: FloatArray
    voice: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.start)


@dataclass(frozen=True, slots=True)
class FaceRows:
    """The faces of one frame on their way into columns: a fifth of the memory that they take as contracts.

    Attributes:
        t: seconds.
        numbers: [n, 16] box, detection, pixels, sharpness, yaw, the seven scores, and the place as sent.
        appearance, expression: [n] packed vectors, None where not known.
    """

    t: float
    numbers: FloatArray
    appearance: tuple[str | None, ...]
    expression: tuple[str | None, ...]

    @classmethod
    def of(cls, frame: FrameFaces) -> Self:
        """Take from a frame what columns are made of."""
        numbers = [
            (
                *(face.box.x, face.box.y, face.box.width, face.box.height),
                face.detection,
                face.quality.pixels,
                face.quality.sharpness,
                abs(face.pose.yaw) if face.pose else 0.0,
                *face.scores.values(),
                place,
            )
            for place, face in enumerate(frame.faces)
        ]
        return cls(
            t=frame.t,
            numbers=np.asarray(numbers, dtype=np.float64).reshape(-1, 16),
            appearance=tuple(face.appearance for face in frame.faces),
            expression=tuple(face.expression for face in frame.faces),
        )


def face_columns(frames: Iterable[FrameFaces]) -> FaceColumns:
    """Lay out the faces of all frames as columns; see `columns_of_rows`."""
    return columns_of_rows([FaceRows.of(frame) for frame in frames])


def columns_of_rows(frames: Sequence[FaceRows]) -> FaceColumns:
    """Lay out the faces of all frames, in order of time, as columns.

    Inside a frame the rows are sorted by place in the picture, so that nothing that follows depends on the
    order in which the faces of a frame were sent.

    Raises:
        Problem: `bad-parameter` when vectors differ in length.
    """
    counts = np.asarray([len(frame.numbers) for frame in frames], dtype=np.int64)
    table = np.column_stack(
        [
            np.repeat(np.arange(len(frames)), counts),
            np.concatenate([np.zeros((0, 16)), *(frame.numbers for frame in frames)]),
            np.repeat([frame.t for frame in frames], counts),
        ]
    )
    order = np.lexsort(table.T[15::-1])
    table = table[order]
    scores = table[:, 9:16]
    # In the order of the rows already: a table that is sorted exists twice.
    appearance = _sorted([vector for frame in frames for vector in frame.appearance], order)
    expression = _sorted([vector for frame in frames for vector in frame.expression], order)
    return FaceColumns(
        frame=table[:, 0].astype(np.int64),
        place=table[:, 16].astype(np.int64),
        t=table[:, 17],
        box=table[:, 1:5],
        detection=table[:, 5],
        pixels=table[:, 6],
        sharpness=table[:, 7],
        yaw=table[:, 8],
        scores=scores / scores.sum(axis=1, keepdims=True),
        appearance=_unit(_unpack(appearance, field="frames.faces.appearance")),
        expression=_unpack(expression, field="frames.faces.expression"),
    )


def segment_columns(segments: Sequence[SpeechSegment]) -> SegmentColumns:
    """Lay out the segments as columns, in order of time.

    Raises:
        Problem: `bad-parameter` when a segment ends before it starts, or vectors differ in length.
    """
    table = np.asarray(
        [(segment.start, segment.end, segment.snr_db, *segment.scores.values()) for segment in segments],
        dtype=np.float64,
    ).reshape(-1, 10)
    if (table[:, 1] <= table[:, 0]).any():
        raise Problem("bad-parameter", "A segment of speech ends before it starts.", field="segments")
    order = np.lexsort(table.T[::-1])
    table = table[order]
    scores = table[:, 3:]
    voice = _unpack([segment.voice for segment in segments], field="segments.voice")
    return SegmentColumns(
        start=table[:, 0],
        end=table[:, 1],
        snr_db=table[:, 2],
        scores=scores / scores.sum(axis=1, keepdims=True),
        voice=voice[order],
    )


def _sorted(packed: list[str | None], order: IntArray) -> list[str | None]:
    return [packed[index] for index in order.tolist()]


def _unpack(packed: list[str | None], *, field: str) -> NDArray[np.float32]:
    """Unpack vectors into rows; [n, 0] when there are none."""
    longest = max((vector for vector in packed if vector), key=len, default=None)
    if longest is None:
        return np.zeros((len(packed), 0), dtype=np.float32)
    length = len(unpack_vector(longest))
    rows = np.full((len(packed), length), np.nan, dtype=np.float32)
    sizes = {length}
    # One at a time: all of them beside the rows take more than the rows.
    for index, vector in enumerate(packed):
        if vector is None:
            continue
        values = unpack_vector(vector)
        sizes.add(len(values))
        if len(values) == length:
            rows[index] = values
    if len(sizes) > 1:
        name = field.rpartition(".")[2]
        raise Problem(
            "bad-parameter",
            f"Vectors of {', '.join(map(str, sorted(sizes)))} values are mixed in `{name}`.",
            remedy="Send the vectors of one network, all of one length.",
            field=field,
        )
    return rows


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows, in place, to unit length; a row of zeros tells nothing and becomes NaN."""
    # Unlike numpy's norm, without a table of squares.
    length = np.sqrt(np.einsum("nk,nk->n", rows, rows))[:, None]
    length[length == 0] = np.nan
    rows /= length
    return rows
