"""What face_service says of every Java-SED film, kept in a file: the fusion is learned on its real answers.

EMOTION_CORPORA=... python -m training.fusion.record --work WORK [--face FOLDER]
"""

import argparse
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from face_service.classification import AppearanceReader, ExpressionReader, FaceClassifier
from face_service.reading import FaceReader, cut_aligned
from face_service.settings import FaceSettings
from face_service.yunet import YunetDetector
from shared.contracts.emotions import Scores
from shared.contracts.faces import Face
from shared.contracts.fusion import FrameFaces
from shared.contracts.manifests import Manifest
from shared.inference import InferenceSession, OnnxSession
from training.corpora.av import Film, read_javased
from training.whole_files import written_whole

FPS = 5.0
# Blendshapes are recorded of every frame, but read at this pace, as the gateway asks for them.
EXPRESSION_FPS = 2.5
# The same film sampled again a third of a step later: more examples of the same movement.
PHASES = 3


@dataclass(frozen=True, slots=True)
class Recording:
    """The answers for one film, sampled from one phase on."""

    film: str
    phase: int
    frames: tuple[FrameFaces, ...]


class CropKeeper(FaceClassifier):
    """Keeps the crops that it scores."""

    def __init__(self, session: OnnxSession) -> None:
        super().__init__(session)
        self.crops: list[NDArray[np.uint8]] = []

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        self.crops.append(crops)
        return super().classify(crops)


class PointKeeper:
    """A landmark network that keeps the points of every face that it reads: [478, 2] pixels."""

    def __init__(self, session: OnnxSession) -> None:
        self._session = session
        self.points: list[NDArray[np.float32]] = []

    @property
    def manifest(self) -> Manifest:
        return self._session.manifest

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        outputs = self._session.run(inputs)
        self.points.extend(outputs["points"][:, :, :2])
        return outputs


def default_reader(
    classifier: FaceClassifier, landmarker: InferenceSession, appearance: AppearanceReader | None
) -> FaceReader:
    """Make the default profile's reader with these networks."""
    shipped = FaceSettings().face_models / "default"
    return FaceReader(
        detector=YunetDetector(OnnxSession(shipped / "detection", threads=1)),
        cut=cut_aligned,
        classifier=classifier,
        appearance=appearance,
        expression=ExpressionReader(landmarker),
        expression_faces=1,
    )


def sampled(film: Film, phase: int) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Give the frames of a film at 5 a second, from `phase` thirds of a step on: seconds and RGB picture."""
    offset, wanted = phase / PHASES / FPS, 0
    with av.open(str(film.path)) as opened:
        for frame in opened.decode(video=0):
            t = float(frame.time or 0.0)
            if t + 1e-3 >= offset + wanted / FPS:
                wanted = int((t + 1e-3 - offset) * FPS) + 1
                yield t, np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


def record(reader: FaceReader, film: Film, phase: int) -> Recording:
    """Read all sampled frames of a film."""
    times, pictures = zip(*sampled(film, phase), strict=True)
    batch = reader.read(pictures, max_faces=4, film=True)
    frames = tuple(
        FrameFaces(t=round(t, 4), faces=picture.faces)
        for t, picture in zip(times, batch.pictures, strict=True)
    )
    return Recording(film.name, phase, frames)


def rescore(
    recordings: list[Recording], crops: NDArray[np.uint8], classifier: FaceClassifier
) -> list[Recording]:
    """Score the faces of recordings anew; who they look like stays.

    Args:
        recordings: their faces in the order of `crops`.
        crops: [n, s, s, 3] as the network wants them.
        classifier: the new network.
    """
    parts = [classifier.classify(part) for part in np.array_split(crops, max(1, len(crops) // 256))]
    scores = iter(np.concatenate(parts))

    def fresh(face: Face) -> Face:
        return face.model_copy(update={"scores": Scores.of(next(scores))})

    return [
        replace(
            recording,
            frames=tuple(
                frame.model_copy(update={"faces": tuple(map(fresh, frame.faces))})
                for frame in recording.frames
            ),
        )
        for recording in recordings
    ]


def write_recordings(path: Path, recordings: Iterable[Recording]) -> None:
    """Write one JSON document a line."""
    with written_whole(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        for recording in recordings:
            frames = [json.loads(frame.model_dump_json()) for frame in recording.frames]
            line = {"film": recording.film, "phase": recording.phase, "frames": frames}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def read_recordings(path: Path) -> list[Recording]:
    """Read what `write_recordings` wrote."""
    recordings = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            document = json.loads(line)
            frames = tuple(FrameFaces.model_validate(frame) for frame in document["frames"])
            recordings.append(Recording(document["film"], document["phase"], frames))
    return recordings


def as_asked_for(recording: Recording) -> Recording:
    """Leave the blendshapes out that the gateway would not ask for."""
    step = round(FPS / EXPRESSION_FPS)

    def without(frame: FrameFaces) -> FrameFaces:
        faces = tuple(face.model_copy(update={"expression": None}) for face in frame.faces)
        return frame.model_copy(update={"faces": faces})

    frames = tuple(without(frame) if index % step else frame for index, frame in enumerate(recording.frames))
    return replace(recording, frames=frames)


def main() -> None:
    """Record every film at every phase."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="where recordings.jsonl and crops.npy stand")
    parser.add_argument("--face", type=Path, default=FaceSettings().face_models / "default/classification")
    parser.add_argument(
        "--without-appearance", action="store_true", help="faces of a film are linked by place alone"
    )
    parser.add_argument("--corpora", type=Path, default=os.environ.get("EMOTION_CORPORA"))
    parser.add_argument("--rescore", action="store_true", help="score the faces recorded before anew")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    kept, crops = arguments.work / "recordings.jsonl", arguments.work / "crops.npy"
    classifier = CropKeeper(OnnxSession(arguments.face, threads=1))
    if arguments.rescore:
        write_recordings(kept, rescore(read_recordings(kept), np.load(crops), classifier))
        return
    shipped = FaceSettings().face_models / "default"
    landmarker = PointKeeper(OnnxSession(shipped / "expression", threads=1))
    appearance = None
    if not arguments.without_appearance:
        appearance = AppearanceReader(OnnxSession(shipped / "appearance", threads=1))
    reader = default_reader(classifier, landmarker, appearance)

    def recordings() -> Iterator[Recording]:
        for film in read_javased(arguments.corpora):
            for phase in range(PHASES):
                yield record(reader, film, phase)
            print(film.name, flush=True)

    write_recordings(kept, recordings())
    for path, values in (
        (crops, np.concatenate(classifier.crops)),
        (arguments.work / "points.npy", np.stack(landmarker.points)),
    ):
        with written_whole(path) as unfinished:
            np.save(unfinished, values)


if __name__ == "__main__":
    main()
