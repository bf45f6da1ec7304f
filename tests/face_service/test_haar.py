import shutil

import numpy as np
import pytest

from face_service.haar import HaarDetector
from shared.inference import ModelFileError
from tests.face_service.pictures import ASTRONAUT_FACE, HOPPER_FACE, covers


@pytest.fixture(scope="module")
def haar(settings):
    return HaarDetector(settings.face_models / "paper" / "detection")


@pytest.mark.parametrize(("name", "box"), [("astronaut", ASTRONAUT_FACE), ("hopper", HOPPER_FACE)])
def test_frontal_faces(haar, request, name, box):
    found = haar.detect([request.getfixturevalue(name)], film=False)[0]
    assert any(covers(face, box) for face in found)
    assert all(0 <= face.score <= 1 and face.landmarks is None for face in found)


def test_score_is_higher_for_the_face_than_for_the_rest(haar, astronaut):
    found = haar.detect([astronaut], film=False)[0]
    assert covers(max(found, key=lambda face: face.score), ASTRONAUT_FACE)


@pytest.mark.parametrize("shape", [(1, 1), (10, 900), (4320, 7680)])
def test_all_sizes(haar, shape):
    assert haar.detect([np.full((*shape, 3), 128, dtype=np.uint8)], film=False) == [[]]


def test_another_file_is_refused(settings, tmp_path):
    folder = tmp_path / "detection"
    shutil.copytree(settings.face_models / "paper" / "detection", folder)
    with (folder / "haarcascade_frontalface_default.xml").open("a") as file:
        file.write("\n")
    with pytest.raises(ModelFileError):
        HaarDetector(folder)
