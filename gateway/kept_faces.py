"""The faces of a film while it is analysed, kept small: an hour has tens of thousands.

As contracts a face takes 4 KB; here, the JSON that fusion_service gets and the numbers that the client gets
take 0.9.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gateway.assembly import frame_face
from shared.contracts.analyses import Frame
from shared.contracts.emotions import Scores
from shared.contracts.faces import Box
from shared.contracts.fusion import FrameFaces

# Not for fusion_service, and half of a face's objects.
_UNUSED = {"faces": {"__all__": {"landmarks"}}}


@dataclass(frozen=True, slots=True, eq=False)
class KeptFaces:
    """The faces of a batch of frames.

    Args:
        times: presentation time of each frame, seconds, rising.
        counts: how many faces each frame has.
        numbers: [faces, 12] box (x, y, width, height), detection score and the seven scores of each.
        for_fusion: the frames as JSON of `FrameFaces`, with commas between.
    """

    times: tuple[float, ...]
    counts: tuple[int, ...]
    numbers: NDArray[np.float64]
    for_fusion: bytes

    @classmethod
    def of(cls, frames: Sequence[FrameFaces]) -> Self:
        """Keep frames in order of time."""
        rows = [
            (
                *(face.box.x, face.box.y, face.box.width, face.box.height),
                face.detection,
                *face.scores.values(),
            )
            for frame in frames
            for face in frame.faces
        ]
        return cls(
            times=tuple(frame.t for frame in frames),
            counts=tuple(len(frame.faces) for frame in frames),
            numbers=np.asarray(rows, dtype=np.float64).reshape(-1, 12),
            for_fusion=b",".join(frame.model_dump_json(exclude=_UNUSED).encode() for frame in frames),
        )

    def shown(self, persons: Iterator[Sequence[int | None]], uncertain_below: float) -> Iterator[Frame]:
        """Give the frames as the client reads them.

        Args:
            persons: for each frame the person of each of its faces.
            uncertain_below: confidence below which a judgement is called uncertain.
        """
        rows = iter(self.numbers.tolist())
        for t, count in zip(self.times, self.counts, strict=True):
            faces = [
                frame_face(
                    Box(x=row[0], y=row[1], width=row[2], height=row[3]),
                    row[4],
                    Scores.of(row[5:]),
                    person=person,
                    uncertain_below=uncertain_below,
                )
                for row, person in zip([next(rows) for _ in range(count)], next(persons), strict=True)
            ]
            yield Frame(t=t, faces=tuple(faces))
