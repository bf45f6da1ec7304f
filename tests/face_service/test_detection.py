import numpy as np
import pytest
import skimage.data

from face_service.detection import Detection, keep_best, overlap
from face_service.yunet import roll
from tests.face_service.pictures import ASTRONAUT_FACE, HOPPER_FACE, covers, pasted, turned


def search(detector, picture):
    return detector.detect([picture], film=False)[0]


def test_overlap():
    box = np.array([0.0, 0.0, 2.0, 2.0])
    others = np.array([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 2.0, 2.0], [5.0, 5.0, 1.0, 1.0]])
    assert overlap(box, others) == pytest.approx([1.0, 1 / 3, 0.0])


def test_keep_best_drops_what_overlaps_a_better_one():
    faces = [
        Detection(box=(0, 0, 10, 10), score=0.7),
        Detection(box=(1, 0, 10, 10), score=0.9),
        Detection(box=(50, 50, 20, 20), score=0.6),
    ]
    assert [face.score for face in keep_best(faces, overlap_above=0.3)] == [0.6, 0.9]
    assert keep_best([], overlap_above=0.3) == []


def test_astronaut(detector, astronaut):
    (face,) = search(detector, astronaut)
    assert covers(face, ASTRONAUT_FACE)
    assert face.score > 0.9
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_mouth[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    # As a person points at them; a tenth of the distance between the eyes is about five pixels.
    assert np.abs(face.landmarks - [(203, 101), (247, 103), (221, 124), (199, 143), (240, 144)]).max() < 6


def test_hopper(detector, hopper):
    (face,) = search(detector, hopper)
    assert covers(face, HOPPER_FACE)


@pytest.mark.parametrize("width", [64, 90, 140])
def test_small_faces_in_a_large_picture(detector, astronaut, width):
    """The face is 0.18 of the picture's width: 11, 16 and 25 pixels."""
    (face,) = search(detector, pasted(astronaut, width, at=(433, 97)))
    scale = width / astronaut.shape[1]
    x, y, across, down = (scale * length for length in ASTRONAUT_FACE)
    middle = (face.box[0] + face.box[2] / 2, face.box[1] + face.box[3] / 2)
    assert np.hypot(middle[0] - 433 - x - across / 2, middle[1] - 97 - y - down / 2) < across / 2


def test_small_face_in_a_very_large_picture(detector, astronaut):
    """16 pixels in 2560: at 640 pixels it would have four, so the picture is looked at again."""
    picture = pasted(astronaut, 180, at=(1700, 800), frame=(2560, 1440))
    (face,) = search(detector, picture)
    assert 1700 < face.box[0] < 1880
    assert 800 < face.box[1] < 980


def test_face_that_fills_the_picture(detector, hopper):
    x, y, width, height = (int(length) for length in HOPPER_FACE)
    close = np.repeat(np.repeat(hopper[y - 20 : y + height + 10, x - 10 : x + width + 10], 3, 0), 3, 1)
    (face,) = search(detector, close)
    assert face.box[2] > 0.6 * close.shape[1]


@pytest.mark.parametrize("degrees", [-150, -90, -45, 30, 60, 120, 180])
@pytest.mark.parametrize("name", ["astronaut", "hopper"])
def test_turned_faces(detector, request, name, degrees):
    """Found wherever the head points, with the points where turning took them."""
    picture = request.getfixturevalue(name)
    (upright,) = search(detector, picture)
    frame, matrix = turned(picture, degrees)
    (face,) = search(detector, frame)
    expected = upright.landmarks @ matrix[:, :2].T + matrix[:, 2]
    eyes = np.linalg.norm(expected[1] - expected[0])
    assert np.linalg.norm(face.landmarks - expected, axis=1).mean() < 0.35 * eyes
    lean = (roll(face.landmarks) - roll(upright.landmarks) - degrees + 180) % 360 - 180
    assert abs(lean) < 30


@pytest.mark.parametrize("name", ["brick", "chelsea", "coffee", "grass", "gravel", "moon", "page", "text"])
def test_no_face_where_there_is_none(detector, name):
    picture = np.asarray(getattr(skimage.data, name)())
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    assert search(detector, picture) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (2, 3), (47, 31)])
def test_tiny_and_thin_pictures(detector, shape):
    assert search(detector, np.full((*shape, 3), 128, dtype=np.uint8)) == []


def test_8k_picture(detector, astronaut):
    picture = pasted(astronaut, 4000, at=(2000, 100), frame=(7680, 4320))
    (face,) = search(detector, picture)
    expected = np.array(ASTRONAUT_FACE) * (4000 / 512) + (2000, 100, 0, 0)
    assert covers(face, tuple(expected))


def test_several_faces_largest_first(detector, astronaut):
    picture = pasted(astronaut, 300, at=(20, 20))
    picture[80:230, 420:570] = pasted(astronaut, 150, at=(0, 0), frame=(150, 150))
    first, second = search(detector, picture)
    assert first.box[0] < 320 < second.box[0]
    assert first.area > second.area


def test_same_picture_same_answer(detector, astronaut):
    one, two = search(detector, astronaut), search(detector, astronaut)
    assert [face.box for face in one] == [face.box for face in two]
    assert np.array_equal(one[0].landmarks, two[0].landmarks)


def test_pictures_of_a_batch_do_not_touch_each_other(detector, astronaut, hopper, coffee):
    batch = detector.detect([astronaut, coffee, hopper], film=False)
    for faces, picture in zip(batch, (astronaut, coffee, hopper), strict=True):
        alone = search(detector, picture)
        assert [face.box for face in faces] == [face.box for face in alone]


def film_of(astronaut, count=8):
    return [pasted(astronaut, 340, at=(20 + 8 * step, 4 + 2 * step)) for step in range(count)]


def test_following_through_a_film_sees_what_searching_sees(detector, astronaut):
    frames = film_of(astronaut)
    followed, searched = (detector.detect(frames, film=film) for film in (True, False))
    for (one,), (two,) in zip(followed, searched, strict=True):
        assert covers(one, two.box)
        eyes = np.linalg.norm(two.landmarks[1] - two.landmarks[0])
        assert np.linalg.norm(one.landmarks - two.landmarks, axis=1).mean() < 0.25 * eyes


def test_following_notices_who_comes_and_goes(detector, astronaut, coffee):
    frames = film_of(astronaut)
    empty = np.full_like(frames[0], 90)
    frames[1:3] = [empty, empty]
    frames[5] = frames[5].copy()
    frames[5][100:300, 430:630] = pasted(astronaut, 200, at=(0, 0), frame=(200, 200))
    counts = [len(faces) for faces in detector.detect(frames, film=True)]
    assert counts == [1, 0, 0, 1, 1, 2, 1, 1]
