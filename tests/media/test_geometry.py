"""Sizes, turns and colours of frames."""

import av
import numpy as np
import pytest

from gateway.media.frames import FramePainter
from gateway.media.geometry import Orientation, scaled_size
from gateway.media.limits import MediaLimits
from tests import media_files
from tests.media.corner_pictures import corners, seen


def test_a_mirrored_film_is_not_turned_upside_down():
    frame = av.VideoFrame.from_ndarray(corners())
    pixels, orientation = FramePainter(MediaLimits(), 640).paint(frame, 1.0)
    assert seen(pixels) == ["red", "green", "blue", "white"]
    assert orientation.rotation == 0
    one = 1 << 16
    matrix = np.array([-one, 0, 0, 0, one, 0, 0, 0, 1 << 30], "=i4").tobytes()
    mirrored = Orientation.from_display_matrix(matrix)
    assert seen(mirrored.apply(corners())) == ["green", "red", "white", "blue"]
    assert mirrored.rotation == 0


@pytest.mark.parametrize("value", range(10))
def test_every_exif_orientation_is_a_turn_of_the_same_picture(value):
    orientation = Orientation.from_exif(value)
    turned = orientation.apply(corners())
    assert sorted(seen(turned)) == sorted(["red", "green", "blue", "white"])
    assert (turned.shape[0] > turned.shape[1]) == (value in {5, 6, 7, 8})


@pytest.mark.parametrize(
    ("size", "longest", "aspect", "expected"),
    [
        ((1280, 720), 640, 1.0, (640, 360)),
        ((720, 1280), 640, 1.0, (360, 640)),
        ((320, 240), 640, 1.0, (320, 240)),
        ((1, 1), 640, 1.0, (1, 1)),
        ((4000, 1), 640, 1.0, (640, 1)),
        ((720, 576), 640, 16 / 15, (640, 480)),
        ((720, 576), 640, 1e6, (640, 512)),
        ((720, 576), 640, 0.0, (640, 512)),
    ],
)
def test_scaled_size(size, longest, aspect, expected):
    assert scaled_size(*size, longest=longest, pixel_aspect=aspect) == expected


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("colorspace", [1, 2, 5, 6, 9])
@pytest.mark.parametrize("full_range", [False, True])
def test_colours_survive(pixel_format, colorspace, full_range):
    original = media_files.astronaut()
    full_range = full_range or pixel_format == "yuvj420p"
    matrix = {1: 1, 2: 5, 5: 5, 6: 5, 9: 9}[colorspace]
    frame = av.VideoFrame.from_ndarray(original).reformat(
        format=pixel_format, dst_colorspace=matrix, dst_color_range=2 if full_range else 1
    )
    frame.colorspace, frame.color_range = colorspace, 2 if full_range else 1
    pixels, _ = FramePainter(MediaLimits(), 256).paint(frame, 1.0)
    expected = original.reshape(256, 2, 256, 2, 3).mean((1, 3))
    assert np.abs(pixels - expected).mean() < 3
