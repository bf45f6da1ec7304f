"""Pictures of every depth, palette and orientation, small, large and broken."""

import numpy as np
import pytest
from PIL import Image

from tests import media_files
from tests.media import hostile_files
from tests.media.conftest import decode_all, refusal_of
from tests.media.corner_pictures import corners, seen

UPRIGHT = ["red", "green", "blue", "white"]
# How a camera stores an upright picture under each EXIF orientation.
STORED = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: np.rot90,
    7: lambda p: np.rot90(p.swapaxes(0, 1), 2),
    8: lambda p: np.rot90(p, 3),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
async def test_exif_orientation(pool, tmp_path, orientation, suffix):
    stored = np.ascontiguousarray(STORED[orientation](corners()))
    path = media_files.write_picture(tmp_path / f"turned{suffix}", stored, orientation=orientation)
    picture = await decode_all(pool, path)
    assert picture.frames[0].picture.shape == (96, 160, 3)
    assert seen(picture.frames[0].picture) == UPRIGHT
    assert picture.media.video.rotation == {3: 180, 4: 180, 5: 270, 6: 90, 7: 90, 8: 270}.get(orientation, 0)
    assert (picture.media.video.width, picture.media.video.height) == stored.shape[1::-1]


def ramp():
    return np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))


@pytest.mark.parametrize("suffix", ["png", "webp"])
async def test_exif_that_breaks_off_turns_nothing(pool, tmp_path, suffix):
    path = media_files.write_picture(tmp_path / f"p.{suffix}", exif=b"Exif\0\0MM\0*")
    picture = await decode_all(pool, path)
    assert picture.frames[0].picture.shape[2] == 3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
async def test_every_kind_of_png(pool, tmp_path, mode):
    grey = Image.fromarray(ramp())
    deep = Image.fromarray(ramp().astype(np.uint16) * 257)
    image = deep if mode == "I;16" else grey.convert("RGB").convert(mode)
    image.save(tmp_path / "picture.png")
    picture = (await decode_all(pool, tmp_path / "picture.png")).frames[0].picture
    if mode not in {"1", "P"}:
        assert np.abs(picture.astype(int) - ramp()[:, :, None]).max() <= 8
    assert picture.mean() == pytest.approx(127, abs=4)


async def test_what_is_transparent_is_white(pool, tmp_path):
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, 32:] = (10, 20, 30, 255)
    Image.fromarray(pixels).save(tmp_path / "half.png")
    picture = (await decode_all(pool, tmp_path / "half.png")).frames[0].picture
    assert picture[0, 0].tolist() == [255, 255, 255]
    assert picture[0, 63].tolist() == [10, 20, 30]
    palette = Image.fromarray(np.zeros((64, 64), np.uint8))
    palette.putpalette([1, 2, 3] * 256)
    palette.save(tmp_path / "palette.gif", transparency=0)
    picture = (await decode_all(pool, tmp_path / "palette.gif")).frames[0].picture
    assert picture[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["L", "CMYK", "YCbCr"])
async def test_every_kind_of_jpeg(pool, tmp_path, mode):
    image = Image.fromarray(media_files.astronaut()).convert(mode)
    image.save(tmp_path / "picture.jpg", quality=90)
    picture = (await decode_all(pool, tmp_path / "picture.jpg")).frames[0].picture
    expected = np.asarray(image.convert("RGB"))
    assert np.abs(picture.astype(int) - expected).mean() < 8


async def test_one_pixel(pool, tmp_path):
    for suffix in (".png", ".jpg", ".gif", ".bmp", ".webp"):
        path = media_files.write_picture(tmp_path / f"one{suffix}", np.full((1, 1, 3), 77, np.uint8))
        picture = await decode_all(pool, path)
        assert picture.frames[0].picture.shape == (1, 1, 3)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
async def test_an_8k_picture(pool, tmp_path, suffix):
    large = Image.fromarray(media_files.noise(768, 432)).resize((7680, 4320), Image.Resampling.NEAREST)
    large.save(
        tmp_path / f"large{suffix}", **({"quality": 60} if suffix == ".jpg" else {"compress_level": 1})
    )
    picture = await decode_all(pool, tmp_path / f"large{suffix}")
    assert (picture.media.video.width, picture.media.video.height) == (7680, 4320)
    assert picture.frames[0].picture.shape == (720, 1280, 3)
    assert picture.peak_bytes < (150 if suffix == ".jpg" else 400) << 20


async def test_the_size_that_is_asked_for(pool, tmp_path):
    path = media_files.write_picture(tmp_path / "picture.png", media_files.noise(1000, 500))
    assert (await decode_all(pool, path, picture_side=500)).frames[0].picture.shape == (250, 500, 3)
    assert (await decode_all(pool, path, frame_side=500)).frames[0].picture.shape == (500, 1000, 3)


@pytest.mark.parametrize("name", media_files.PICTURES)
@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
async def test_a_picture_that_was_cut_off(pool, made, tmp_path, name, fraction):
    whole = made("PICTURES", name)
    problem = await refusal_of(pool, media_files.truncated(whole, fraction, tmp_path / "cut"))
    assert problem.name == "damaged-media"


@pytest.mark.parametrize(
    "content",
    [
        hostile_files.png_claiming(100_000, 100_000),
        hostile_files.jpeg_claiming(65_500, 65_500),
        hostile_files.bmp_claiming(100_000, 100_000),
        hostile_files.gif_claiming(65_500, 65_500),
        hostile_files.webp_claiming(16_000, 16_000),
        hostile_files.png_claiming(100_000, 2),
    ],
    ids=["png", "jpeg", "bmp", "gif", "webp", "wide"],
)
async def test_a_header_that_claims_too_much(pool, tmp_path, content):
    (tmp_path / "huge").write_bytes(content)
    problem = await refusal_of(pool, tmp_path / "huge")
    assert (problem.name, problem.field) == ("media-over-limit", "file")
    assert problem.extra["limit"] in {"max_picture_pixels", "max_side", "memory_bytes"}


async def test_a_bitmap_of_impossible_size(pool, tmp_path):
    for width, height in ((0, 5), (-5, 5), (5, 0)):
        (tmp_path / "odd.bmp").write_bytes(hostile_files.bmp_claiming(width, height))
        assert (await refusal_of(pool, tmp_path / "odd.bmp")).name in {"damaged-media", "media-over-limit"}
