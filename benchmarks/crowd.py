"""Memory that a long film with a crowd in it takes: `python -m benchmarks.crowd`.

Faces as face_service would give them are kept as the gateway keeps them, fused, joined to an analysis,
written as JSON and exported, with nothing decoded and no network run, each step in a process of its own.
Prints Markdown. Memory grows with the number of faces, so that a few minutes of film tell.
"""

import argparse
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from fusion_service.parameters import load_model
from fusion_service.routes import fuse_json
from fusion_service.settings import FusionSettings
from gateway.exports.faces_csv import FACES_CSV
from gateway.kept_faces import KeptFaces
from shared.collection import without_collection
from shared.contracts.analyses import Analysis
from shared.contracts.emotions import Scores
from shared.contracts.faces import Box, Face, FaceQuality, Pose
from shared.contracts.fusion import FrameFaces, FusionRequest, FusionResult, Profile
from shared.contracts.media import MediaKind
from shared.contracts.vectors import pack_vector
from tests.cli.samples import film_analysis

_FPS = 5
_BATCH = 8
_LOOKS, _BLENDSHAPES = 116, 52
_MADE_FRAMES = 40


class _Peak:
    """The most resident memory since it was made or asked for last, above what was there then, bytes."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")
        self._before = _resident("VmRSS:")

    def taken(self) -> int:
        taken = _resident("VmHWM:") - self._before
        self._begin()
        return taken


def _resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def made_faces(faces: int) -> list[tuple[Face, ...]]:
    """Make the faces of a few frames; blendshapes are read of every second one."""
    chance = np.random.default_rng(0)
    looks = chance.normal(size=(faces, _LOOKS))

    def made(person: int, *, expression: bool) -> Face:
        look = looks[person] + chance.normal(scale=0.02, size=_LOOKS)
        return Face(
            box=Box(
                x=round(person / faces, 5), y=round(chance.random() / 100, 5), width=0.05123, height=0.06123
            ),
            detection=round(0.9 + chance.random() / 10, 4),
            pose=Pose(yaw=round(chance.normal(), 2), roll=round(chance.normal(), 2)),
            quality=FaceQuality(pixels=round(60 + chance.random(), 2), sharpness=10.25, brightness=0.4321),
            scores=Scores.of(chance.dirichlet(np.ones(7))),
            appearance=pack_vector(look / np.linalg.norm(look)),
            expression=pack_vector(chance.random(_BLENDSHAPES)) if expression else None,
        )

    return [
        tuple(made(person, expression=at % 2 == 0) for person in range(faces)) for at in range(_MADE_FRAMES)
    ]


def kept_faces(frames: int, faces: int) -> Iterator[KeptFaces]:
    """Give batches as the gateway keeps them."""
    made = made_faces(faces)
    for begin in range(0, frames, _BATCH):
        yield KeptFaces.of(
            [
                FrameFaces(t=round(at / _FPS, 4), faces=made[at % _MADE_FRAMES])
                for at in range(begin, min(begin + _BATCH, frames))
            ]
        )


def fuse(folder: Path) -> dict[str, int]:
    """What fusion_service does with a request."""
    models = {profile: load_model(FusionSettings().fusion_models / profile / "fusion") for profile in Profile}
    peak = _Peak()
    (folder / "result.json").write_bytes(fuse_json((folder / "request.json").read_bytes(), models))
    return {"fusion_service": peak.taken()}


def assemble(folder: Path, frames: int, faces: int) -> dict[str, int]:
    """What the gateway does before and after."""
    peak = _Peak()
    kept = list(kept_faces(frames, faces))
    while_read = peak.taken()
    fused = FusionResult.model_validate_json((folder / "result.json").read_bytes())
    persons = iter(fused.persons_by_frame)
    with without_collection():
        shown = tuple(frame for batch in kept for frame in batch.shown(persons, 0.5))
    (folder / "analysis.json").write_bytes(film_analysis(frames=shown).model_dump_json().encode())
    return {
        "gateway, while the film is read": while_read,
        "gateway, in the end, `detail=frames`": while_read + peak.taken(),
    }


def export(folder: Path) -> dict[str, int]:
    """What the gateway does when an export of a job is asked for."""
    peak = _Peak()
    analysis = Analysis.model_validate_json((folder / "analysis.json").read_bytes())
    (folder / "analysis.csv").write_bytes(FACES_CSV.document(analysis))
    return {"gateway, export of a job as CSV": peak.taken()}


def write_request(folder: Path, frames: int, faces: int) -> None:
    """Write what the gateway sends to fusion_service."""
    request = FusionRequest(kind=MediaKind.FILM, seconds=frames / _FPS).model_dump_json(exclude={"frames"})
    with (folder / "request.json").open("wb") as file:
        file.write(request[:-1].encode() + b',"frames":[')
        for number, batch in enumerate(kept_faces(frames, faces)):
            file.write((b"," if number else b"") + batch.for_fusion)
        file.write(b"]}")


def alone(step: Callable[..., dict[str, int]], *arguments: object) -> dict[str, int]:
    """Take a step in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(step, *arguments).result()


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--faces", type=int, default=16, help="in every frame")
    arguments = parser.parse_args()
    frames = round(arguments.minutes * 60 * _FPS)
    count = frames * arguments.faces
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_request(folder, frames, arguments.faces)
        taken = alone(fuse, folder) | alone(assemble, folder, frames, arguments.faces) | alone(export, folder)
        print(
            f"\n{count} faces, {(folder / 'request.json').stat().st_size / 2**20:.0f} MiB to fusion_service"
        )
    print("\n| memory above idle | MiB | KiB a face |\n|---|---|---|")
    for step, size in taken.items():
        print(f"| {step} | {size / 2**20:.0f} | {size / 1024 / count:.2f} |")


if __name__ == "__main__":
    main()
