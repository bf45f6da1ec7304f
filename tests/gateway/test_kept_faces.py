"""Faces kept small: nothing that fusion_service or the client reads is lost."""

import json

import numpy as np
import pytest

from face_service.settings import FaceSettings
from fusion_service.settings import FusionSettings
from gateway.kept_faces import KeptFaces
from gateway.settings import GatewaySettings
from shared.contracts.emotions import Scores
from shared.contracts.faces import Box, Face, FaceQuality, Point, Pose
from shared.contracts.fusion import FrameFaces
from shared.contracts.vectors import pack_vector
from shared.inference import load_manifest

LOOKS, BLENDSHAPES = (
    int(load_manifest(FaceSettings().face_models / "default" / role).outputs[0].shape[1])
    for role in ("appearance", "expression")
)


@pytest.fixture
def frames():
    chance = np.random.default_rng(0)

    def face(index):
        scores = chance.dirichlet(np.ones(7))
        return Face(
            box=Box(x=0.1 + index / 50, y=-0.01, width=0.3, height=0.4),
            detection=0.9731,
            landmarks=tuple(Point(x=0.1 * at, y=0.2) for at in range(5)),
            pose=Pose(yaw=3.1, roll=-4.0) if index % 2 else None,
            quality=FaceQuality(pixels=88.1, sharpness=9.25, brightness=0.4),
            scores=Scores.of(scores),
            appearance=pack_vector(chance.normal(size=LOOKS)),
            expression=pack_vector(chance.random(BLENDSHAPES)) if index % 3 else None,
        )

    return [
        FrameFaces(t=round(0.2 * at, 4), faces=tuple(face(index) for index in range(at % 3)))
        for at in range(8)
    ]


def test_fusion_service_gets_all_but_the_landmarks(frames):
    kept = KeptFaces.of(frames)
    sent = [FrameFaces.model_validate(frame) for frame in json.loads(b"[" + kept.for_fusion + b"]")]
    assert sent == [
        frame.model_copy(
            update={"faces": tuple(face.model_copy(update={"landmarks": None}) for face in frame.faces)}
        )
        for frame in frames
    ]


def test_the_client_reads_what_was_found(frames):
    persons = [tuple(range(1, len(frame.faces) + 1)) for frame in frames]
    shown = list(KeptFaces.of(frames).shown(iter(persons), 0.5))
    assert [frame.t for frame in shown] == [frame.t for frame in frames]
    for frame, original, people in zip(shown, frames, persons, strict=True):
        assert [face.person for face in frame.faces] == list(people)
        assert [face.box for face in frame.faces] == [face.box for face in original.faces]
        assert [face.scores for face in frame.faces] == [face.scores for face in original.faces]
        assert all(face.uncertain == (face.confidence < 0.5) for face in frame.faces)
        assert all(face.label == face.scores.label for face in frame.faces)
        assert all(face.detection == 0.9731 for face in frame.faces)


def test_frames_without_faces(frames):
    kept = KeptFaces.of(frames[:1])
    assert [frame.faces for frame in kept.shown(iter([()]), 0.5)] == [()]


def test_people_who_do_not_fit_are_an_error(frames):
    with pytest.raises(ValueError, match="zip"):
        list(KeptFaces.of(frames[:3]).shown(iter([(), (1,), (1,)]), 0.5))


def test_a_face_takes_little_memory(frames):
    kept = KeptFaces.of(frames)
    faces = sum(len(frame.faces) for frame in frames)
    assert (len(kept.for_fusion) + kept.numbers.nbytes) / faces < 1300


def test_fusion_service_takes_as_many_faces_as_a_film_may_have(frames):
    """The longest request of the largest film is within its bounds: hours would be read in vain."""
    face = (
        frames[2]
        .faces[1]
        .model_copy(
            update={
                "box": Box(x=-0.12345, y=-0.12345, width=0.12345, height=0.12345),
                "pose": Pose(yaw=-12.34, roll=-12.34),
            }
        )
    )
    assert face.appearance
    assert face.expression
    sent = KeptFaces.of([FrameFaces(t=5399.9999, faces=(face,) * 16)]).for_fusion
    assert len(sent) / 16 * GatewaySettings().max_faces_in_all < FusionSettings().max_body_bytes
