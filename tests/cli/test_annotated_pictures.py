"""Pictures with boxes and labels drawn in: opened again and looked at."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from gateway.media.limits import MediaLimits
from gateway.media.pictures import Picture
from gateway.media.signatures import identify
from shared.contracts.media import MediaKind
from tests import media_files
from tests.cli.drawings import HAPPY, analysis_of, draw, is_near


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_is_drawn_into(tmp_path: Path, suffix: str) -> None:
    picture = media_files.write_picture(tmp_path / "face.png")
    out = draw(picture, analysis_of(MediaKind.PICTURE), tmp_path / f"out{suffix}")
    drawn = np.asarray(Image.open(out).convert("RGB")).astype(int)
    assert drawn.shape == media_files.astronaut().shape
    assert is_near(drawn[256, int(0.4 * 512) + 1], HAPPY)
    same = np.abs(drawn[350:500] - media_files.astronaut()[350:500])
    assert same.mean() < 4


def test_a_picture_lies_as_its_camera_says(tmp_path: Path) -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    picture = media_files.write_picture(tmp_path / "face.jpg", pixels, orientation=6)
    out = draw(picture, analysis_of(MediaKind.PICTURE), tmp_path / "out.png")
    assert Image.open(out).size == (100, 200)


def grey_of_16_bits(path: Path) -> Path:
    grey = np.asarray(Image.fromarray(media_files.astronaut()).convert("L"))
    return media_files.write_picture(path, grey.astype(np.uint16) * 257)


def see_through(path: Path) -> Path:
    pixels = np.dstack([media_files.astronaut(), np.full((512, 512), 255, np.uint8)])
    # Black, and not there.
    pixels[:, :100] = 0
    return media_files.write_picture(path, pixels)


@pytest.mark.parametrize("make", [grey_of_16_bits, see_through])
def test_a_picture_is_drawn_as_the_networks_saw_it(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    picture = make(tmp_path / "face.png")
    with picture.open("rb") as file:
        seen = np.asarray(Picture(file, identify(file), MediaLimits()).upright(512)).astype(int)
    drawn = np.asarray(Image.open(draw(picture, analysis_of(MediaKind.PICTURE), tmp_path / "out.png")))
    assert np.abs(drawn[350:] - seen[350:]).max() == 0
    assert drawn[350:, :100].mean() > 100
    assert drawn[350:].std() > 30


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_keeps_its_colour_profile_where_it_fits(tmp_path: Path, suffix: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = media_files.astronaut()
    for name, image, stays in (
        ("rgb.jpg", Image.fromarray(pixels), True),
        ("cmyk.jpg", Image.fromarray(pixels).convert("CMYK"), False),
    ):
        picture, space = tmp_path / name, b"RGB " if stays else b"CMYK"
        image.save(picture, icc_profile=profile[:16] + space + profile[20:])
        out = draw(picture, analysis_of(MediaKind.PICTURE), tmp_path / f"{name}{suffix}")
        assert Image.open(out).info.get("icc_profile") == (profile if stays else None)
