import io
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from face_service.pictures import PictureLimits, picture_size, pictures_from_files, pictures_from_npy
from shared.contracts.problems import Problem
from shared.npy import write_npy

LIMITS = PictureLimits(pictures=4, pixels=1_000_000)


def encoded(picture, kind=".png"):
    return cv2.imencode(kind, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


def problem(function, *arguments):
    with pytest.raises(Problem) as caught:
        function(*arguments)
    return caught.value


def test_npy_is_taken_as_it_is():
    batch = np.random.default_rng(1).integers(0, 256, (3, 20, 30, 3), dtype=np.uint8)
    pictures = pictures_from_npy(write_npy(batch), LIMITS)
    assert np.array_equal(np.stack(pictures), batch)


def test_an_empty_batch_is_no_picture():
    assert pictures_from_npy(write_npy(np.zeros((0, 20, 30, 3), dtype=np.uint8)), LIMITS) == []


@pytest.mark.parametrize(
    ("array", "name"),
    [
        (np.zeros((2, 20, 30, 4), dtype=np.uint8), "bad-parameter"),
        (np.zeros((20, 30, 3), dtype=np.uint8), "bad-parameter"),
        (np.zeros((2, 20, 30, 3), dtype=np.float32), "bad-parameter"),
        (np.zeros((2, 0, 30, 3), dtype=np.uint8), "bad-parameter"),
        (np.zeros((5, 20, 30, 3), dtype=np.uint8), "media-over-limit"),
        (np.zeros((1, 1000, 1001, 3), dtype=np.uint8), "media-over-limit"),
    ],
    ids=["four channels", "one picture alone", "floats", "no pixels", "too many", "too large"],
)
def test_arrays_that_are_refused(array, name):
    assert problem(pictures_from_npy, write_npy(array), LIMITS).name == name


def test_truncated_npy():
    body = write_npy(np.zeros((2, 20, 30, 3), dtype=np.uint8))
    for length in (0, 5, 60, len(body) - 1):
        assert problem(pictures_from_npy, body[:length], LIMITS).name == "bad-parameter"


@pytest.mark.parametrize("kind", [".png", ".jpg"])
def test_files(astronaut, kind):
    content = encoded(astronaut, kind)
    assert picture_size(content) == (512, 512)
    (picture,) = pictures_from_files([content], LIMITS)
    assert np.abs(picture.astype(int) - astronaut.astype(int)).mean() < 3


def test_progressive_jpeg_with_comment(astronaut):
    made = io.BytesIO()
    Image.fromarray(astronaut).save(made, "jpeg", progressive=True, comment=b"\xff\xd9" * 50)
    assert picture_size(made.getvalue()) == (512, 512)


def test_exif_orientation_turns_the_picture_upright():
    picture = np.zeros((40, 80, 3), dtype=np.uint8)
    picture[:, :40] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    made = io.BytesIO()
    Image.fromarray(picture).save(made, "jpeg", exif=exif, quality=95)
    (upright,) = pictures_from_files([made.getvalue()], LIMITS)
    assert upright.shape == (80, 40, 3)
    assert upright[:30].mean() > 250
    assert upright[50:].mean() < 5


def test_grey_and_transparent_files_become_rgb():
    for mode in ("L", "RGBA", "P", "1"):
        made = io.BytesIO()
        Image.new(mode, (30, 20)).save(made, "png")
        (picture,) = pictures_from_files([made.getvalue()], LIMITS)
        assert picture.shape == (20, 30, 3)


def test_a_jpeg_that_goes_over_its_pixels_very_often_is_refused_before_decoding(astronaut):
    made = io.BytesIO()
    Image.fromarray(astronaut).save(made, "jpeg", progressive=True)
    whole = made.getvalue()
    last = whole[whole.rindex(b"\xff\xda") : -2]
    # A comment that looks like an end hides nothing, and what comes after the end is no part of the picture.
    often = whole[:-2] + b"\xff\xfe\x00\x04\xff\xd9" + last * 100 + whole[-2:]
    assert problem(pictures_from_files, [often], LIMITS).name == "media-over-limit"
    assert picture_size(whole + last * 100 + whole[-2:]) == (512, 512)


@pytest.mark.parametrize("content", [b"text", b"GIF89a" + b"0" * 40, b"RIFF0000WEBPVP8 ", b"%PDF-1.7"])
def test_other_files_are_refused(content):
    assert problem(pictures_from_files, [content], LIMITS).name == "unsupported-media"


def test_empty_file():
    assert problem(pictures_from_files, [b""], LIMITS).name == "empty-upload"


@pytest.mark.parametrize("kind", [".png", ".jpg"])
@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9])
def test_cut_off_files(astronaut, kind, share):
    content = encoded(astronaut, kind)
    cut = content[: max(8, int(share * len(content)))]
    assert problem(pictures_from_files, [cut], LIMITS).name == "damaged-media"


def test_a_header_that_claims_too_much_is_refused_before_decoding():
    png = encoded(np.zeros((4, 4, 3), dtype=np.uint8))
    claim = png[:16] + struct.pack(">II", 100_000, 100_000) + png[24:]
    assert problem(pictures_from_files, [claim], LIMITS).name == "media-over-limit"


def test_files_that_are_too_large_together():
    content = encoded(np.zeros((600, 600, 3), dtype=np.uint8))
    assert len(pictures_from_files([content] * 2, LIMITS)) == 2
    assert problem(pictures_from_files, [content] * 3, LIMITS).name == "media-over-limit"


def test_too_many_files():
    content = encoded(np.zeros((4, 4, 3), dtype=np.uint8))
    assert problem(pictures_from_files, [content] * 5, LIMITS).name == "media-over-limit"


@settings(deadline=None)
@given(st.data())
def test_damaged_bytes_never_do_more_than_be_refused(data):
    kind = data.draw(st.sampled_from([".png", ".jpg"]))
    content = bytearray(encoded(np.full((9, 7, 3), 50, dtype=np.uint8), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        (picture,) = pictures_from_files([bytes(content)], LIMITS)
    except Problem as problem:
        assert 400 <= problem.status < 500  # noqa: PT017 - either is right
    else:
        assert (picture.dtype, picture.ndim) == (np.uint8, 3)
