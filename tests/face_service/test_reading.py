import dataclasses
import shutil

import cv2
import numpy as np
import pytest

from face_service.app import load_readers
from face_service.classification import in_batches
from face_service.detection import Detection
from face_service.reading import box_of, cut_aligned
from shared.contracts.fusion import Profile
from shared.contracts.vectors import unpack_vector
from tests.face_service.pictures import ASTRONAUT_FACE, pasted


@pytest.fixture(scope="module", params=list(Profile))
def reader(request, readers):
    return readers[request.param]


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (1, [(0, 1, 1)]), (3, [(0, 3, 4)]), (32, [(0, 32, 32)]), (37, [(0, 32, 32), (32, 37, 8)])],
)
def test_batches(count, expected):
    assert [(rows.start, rows.stop, size) for rows, size in in_batches(count)] == expected


def test_a_face_is_described(readers, astronaut):
    batch = readers[Profile.DEFAULT].read([astronaut], max_faces=5)
    (face,) = batch.pictures[0].faces
    assert batch.model.startswith("face-")
    assert face.box.x * 512 == pytest.approx(ASTRONAUT_FACE[0], abs=12)
    assert face.box.height * 512 == pytest.approx(ASTRONAUT_FACE[3], abs=20)
    assert len(face.landmarks) == 5
    assert abs(face.pose.yaw) < 25
    assert face.quality.pixels == pytest.approx(100, abs=12)
    assert face.scores.label == "happiness"
    assert face.appearance is None
    blendshapes = unpack_vector(face.expression)
    assert blendshapes.shape == (52,)
    assert blendshapes.min() >= 0
    assert blendshapes.max() <= 1


def test_people_of_a_film_are_told_apart(readers, astronaut, hopper):
    """Frames of a film have an appearance each; alike across sizes and light, unlike between two people."""
    smaller = np.asarray(cv2.resize(astronaut, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA))
    frames = [astronaut, np.asarray(astronaut[:, ::-1] * 0.5, np.uint8), smaller, hopper]
    batch = readers[Profile.DEFAULT].read(frames, max_faces=1, film=True)
    looks = np.stack([unpack_vector(picture.faces[0].appearance) for picture in batch.pictures])
    np.testing.assert_allclose(np.linalg.norm(looks, axis=1), 1, atol=0.01)
    alike = looks @ looks.T
    assert alike[:3, :3].min() > 0.6
    assert alike[:3, 3].max() < 0.3


def test_a_face_without_points_has_no_appearance(readers, astronaut, monkeypatch):
    reader = readers[Profile.DEFAULT]
    detect = reader._detector.detect

    def without_points(pictures, *, film):
        found = detect(pictures, film=film)
        return [[dataclasses.replace(one, landmarks=None) for one in faces] for faces in found]

    monkeypatch.setattr(reader._detector, "detect", without_points)
    (picture,) = reader.read([astronaut], max_faces=1, film=True).pictures
    assert picture.faces[0].appearance is None
    assert picture.faces[0].scores.label == "happiness"


def test_without_its_network_people_have_no_appearance(settings, astronaut, tmp_path, caplog):
    """Its licence may forbid what the others allow: the folder may be left out."""
    models = tmp_path / "models"
    shutil.copytree(settings.face_models, models, ignore=shutil.ignore_patterns("appearance"))
    readers, manifests = load_readers(settings.model_copy(update={"face_models": models}))
    assert "appearance" not in {manifest.role for manifest in manifests}
    assert "by place alone" in caplog.text
    (picture,) = readers[Profile.DEFAULT].read([astronaut], max_faces=1, film=True).pictures
    assert picture.faces[0].appearance is None


def test_the_papers_profile(readers, astronaut):
    (picture,) = readers[Profile.PAPER].read([astronaut], max_faces=5).pictures
    assert picture.faces
    for face in picture.faces:
        assert face.landmarks is None
        assert face.pose is None
        assert face.expression is None


def test_smile_is_in_the_blendshapes(readers, astronaut, hopper):
    """Index 44 and 45 are the corners of the mouth drawn up, 25 the open jaw."""
    smiling, calm = (
        unpack_vector(readers[Profile.DEFAULT].read([picture], max_faces=1).pictures[0].faces[0].expression)
        for picture in (astronaut, hopper)
    )
    assert smiling[44:46].min() > 0.4
    assert smiling[44:46].min() > calm[44:46].max()
    assert smiling[25] < 0.3


def test_batch_equals_single(reader, astronaut, hopper, coffee):
    pictures = [astronaut, coffee, hopper, pasted(astronaut, 200, at=(30, 40))]
    batch = reader.read(pictures, max_faces=4)
    for together, picture in zip(batch.pictures, pictures, strict=True):
        (alone,) = reader.read([picture], max_faces=4).pictures
        assert len(together.faces) == len(alone.faces)
        for one, two in zip(together.faces, alone.faces, strict=True):
            assert one.box == two.box
            if one.expression is not None or two.expression is not None:
                np.testing.assert_allclose(
                    unpack_vector(one.expression), unpack_vector(two.expression), atol=1e-3
                )
            assert one.scores.values() == pytest.approx(two.scores.values(), abs=2e-4)


def test_same_twice(reader, hopper):
    one, two = (reader.read([hopper], max_faces=4).pictures for _ in range(2))
    assert one == two


def test_nothing_in_nothing_out(reader, coffee):
    assert reader.read([], max_faces=4).pictures == ()
    small = np.zeros((1, 1, 3), dtype=np.uint8)
    assert all(picture.faces == () for picture in reader.read([small, small], max_faces=4).pictures)


def test_the_largest_faces_are_kept(readers, astronaut):
    picture = pasted(astronaut, 300, at=(20, 20))
    picture[80:230, 420:570] = pasted(astronaut, 150, at=(0, 0), frame=(150, 150))
    (kept,) = readers[Profile.DEFAULT].read([picture], max_faces=1).pictures
    (face,) = kept.faces
    assert face.box.x < 0.5
    assert kept.left_out == 1
    (both,) = readers[Profile.DEFAULT].read([picture], max_faces=2).pictures
    assert (len(both.faces), both.left_out) == (2, 0)


def test_forty_faces_go_through_in_batches(readers, astronaut):
    pictures = [pasted(astronaut, 200, at=(30, 40)) for _ in range(40)]
    batch = readers[Profile.DEFAULT].read(pictures, max_faces=1, film=True)
    assert [len(picture.faces) for picture in batch.pictures] == [1] * 40
    labels = {picture.faces[0].scores.label for picture in batch.pictures}
    assert len(labels) == 1


def test_a_box_far_outside_is_cut():
    face = Detection(box=(-4000.0, -50.0, 9000.0, 100.0), score=0.7)
    box = box_of(face, width=100, height=100)
    assert box.x == -1
    assert box.width == 3


def test_points_of_no_use_fall_back_on_the_box(astronaut):
    face = Detection(box=(178.0, 63.0, 90.0, 113.0), score=0.9, landmarks=np.zeros((5, 2)))
    assert cut_aligned(astronaut, face, 112).shape == (112, 112, 3)
