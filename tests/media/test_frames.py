"""Which frames of a film are sampled, at which times, and how they are turned into pictures."""

import math
from fractions import Fraction

import numpy as np
import pytest

from tests import media_files
from tests.media.conftest import decode_all, refusal_of
from tests.media.corner_pictures import corners, seen
from tests.media_files import AudioSpec, VideoSpec

B_FRAMES = VideoSpec(
    options=(("preset", "veryfast"), ("bf", "3"), ("g", "20"), ("x264-params", "b-pyramid=normal"))
)
OPEN_GROUPS = VideoSpec(
    options=(("preset", "veryfast"), ("bf", "3"), ("g", "10"), ("x264-params", "open-gop=1"))
)
HEVC = VideoSpec(
    codec="libx265",
    options=(
        ("preset", "ultrafast"),
        ("x265-params", "log-level=none:pools=1:bframes=4:keyint=12:open-gop=1"),
    ),
)
VP9 = VideoSpec(codec="libvpx-vp9", options=(("deadline", "realtime"), ("cpu-used", "8"), ("g", "15")))
AV1 = VideoSpec(codec="libsvtav1", options=(("preset", "8"), ("crf", "10")))
MPEG2 = VideoSpec(codec="mpeg2video", options=(("bf", "2"), ("g", "12"), ("b", "2000000")))


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """Films of 100 counted frames at 25 a second, by name."""
    folder = tmp_path_factory.mktemp("counted")
    specs = {
        "b-frames.mp4": B_FRAMES,
        "open-groups.mp4": OPEN_GROUPS,
        "open-groups.ts": OPEN_GROUPS,
        "hevc.mkv": HEVC,
        "vp9.webm": VP9,
        "av1.mp4": AV1,
        "mpeg2.ts": MPEG2,
    }
    return {
        name: media_files.write_film(folder / name, media_files.counted(100), video=spec)
        for name, spec in specs.items()
    }


@pytest.mark.parametrize(
    "name",
    ["b-frames.mp4", "open-groups.mp4", "open-groups.ts", "hevc.mkv", "vp9.webm", "av1.mp4", "mpeg2.ts"],
)
@pytest.mark.parametrize("fps", [0.5, 2, 5, 10])
async def test_what_is_skipped_changes_nothing_of_what_is_kept(pool, counted, name, fps):
    film = await decode_all(pool, counted[name], fps=fps)
    # The first frame at or after each tick.
    expected = [math.ceil(tick * 25 / fps) for tick in range(math.ceil(4 * fps))]
    assert film.numbers == expected
    assert film.times == pytest.approx([number / 25 for number in expected], abs=0.002)
    assert film.notices == ()


async def test_every_frame_when_more_are_asked_for_than_there_are(pool, counted):
    film = await decode_all(pool, counted["b-frames.mp4"], fps=60)
    assert film.numbers == list(range(100))


@pytest.mark.parametrize("name", ["b-frames.mp4", "open-groups.ts", "hevc.mkv", "av1.mp4"])
async def test_a_stretch(pool, counted, name):
    film = await decode_all(pool, counted[name], fps=5, start=1.5, end=2.3)
    # 1.5 lies between two frames: the first at or after it is number 38, at 1.52.
    assert film.numbers == [38, 43, 48, 53]
    assert film.times == pytest.approx([1.52, 1.72, 1.92, 2.12], abs=0.002)
    assert film.seconds == pytest.approx(2.3)


async def test_a_stretch_far_inside_is_sought(pool, tmp_path):
    path = media_files.write_film(
        tmp_path / "long.mp4", media_files.counted(105, width=32, height=32), video=VideoSpec(fps=Fraction(5))
    )
    film = await decode_all(pool, path, fps=1, start=12.2, end=15)
    assert film.numbers == [61, 66, 71]
    assert film.times == [12.2, 13.2, 14.2]
    live = media_files.write_film(
        tmp_path / "long.webm",
        media_files.counted(105, width=32, height=32),
        video=VideoSpec(
            codec="libvpx", options=(("deadline", "realtime"), ("cpu-used", "8")), fps=Fraction(5)
        ),
        options={"live": "1"},
    )
    film = await decode_all(pool, live, fps=1, start=12.2, end=15)
    assert film.numbers == [61, 66, 71]


async def test_a_start_beyond_the_end(pool, counted):
    problem = await refusal_of(pool, counted["b-frames.mp4"], start=4.5)
    assert (problem.name, problem.field) == ("bad-parameter", "start")


async def test_a_start_beyond_the_end_of_a_film_of_unknown_length(pool, made, tmp_path):
    problem = await refusal_of(pool, made("FILMS", "webm-live"), start=4.5)
    assert (problem.name, problem.field) == ("bad-parameter", "start")


async def test_a_variable_frame_rate(pool, tmp_path):
    times = (0.0, 0.03, 0.07, 0.5, 0.52, 0.56, 1.4, 1.41, 1.9)
    path = media_files.write_film(
        tmp_path / "variable.mkv", media_files.counted(len(times)), video=VideoSpec(times=times)
    )
    film = await decode_all(pool, path, fps=5)
    # The first at or after 0.0, 0.2 (and 0.4), 0.6 .. 1.4, 1.6 (and 1.8).
    assert film.times == [0.0, 0.5, 1.4, 1.9]
    assert film.numbers == [0, 3, 6, 8]


async def test_pictures_that_begin_after_the_sound(pool, tmp_path):
    path = media_files.write_film(
        tmp_path / "late.mkv",
        media_files.counted(25),
        media_files.tone(2.0, 48_000),
        video=VideoSpec(offset=0.8),
        audio=AudioSpec(codec="flac"),
    )
    film = await decode_all(pool, path)
    assert film.times[0] == pytest.approx(0.8, abs=0.002)
    assert film.sound_times[0] == 0.0


@pytest.mark.parametrize(
    ("name", "offset", "begins"),
    [
        # As players show them: nothing before three seconds.
        ("late.mp4", 3, 3),
        ("late.mov", 3, 3),
        ("late.mkv", 3, 3),
        # Cut out of something longer.
        ("hour.mp4", 3600, 0),
        ("hour.mkv", 3600, 0),
        ("hour.ts", 3600, 0),
        ("late.ts", 3, 0),
    ],
)
async def test_a_film_whose_times_begin_late(pool, tmp_path, name, offset, begins):
    path = media_files.write_film(
        tmp_path / name,
        media_files.counted(25),
        media_files.tone(1.0, 48_000),
        video=VideoSpec(offset=offset),
        audio=AudioSpec(offset=offset, codec="mp2" if name.endswith("ts") else "aac"),
    )
    film = await decode_all(pool, path)
    assert film.times[0] == pytest.approx(begins, abs=0.05)
    assert film.seconds == pytest.approx(begins + 1, abs=0.1)
    assert film.probed.seconds == pytest.approx(begins + 1, abs=0.1)
    assert film.probed.audio.start == pytest.approx(begins, abs=0.05)
    assert np.flatnonzero(np.abs(film.samples) > 0.1)[0] / 16_000 == pytest.approx(begins, abs=0.05)
    assert film.notices == ()
    assert (await refusal_of(pool, path, start=begins + 2)).field == "start"


async def test_a_part_in_which_nothing_begins_is_no_damage(pool, counted):
    problem = await refusal_of(pool, counted["b-frames.mp4"], start=0.01, end=0.03)
    assert (problem.name, problem.field) == ("bad-parameter", "end")


@pytest.mark.parametrize(
    ("rotation", "expected", "shape"),
    [
        (90, ["blue", "red", "white", "green"], (160, 96, 3)),
        (180, ["white", "blue", "green", "red"], (96, 160, 3)),
        (270, ["green", "white", "red", "blue"], (160, 96, 3)),
    ],
)
async def test_a_phone_film_is_turned_upright(pool, tmp_path, rotation, expected, shape):
    path = media_files.write_film(
        tmp_path / "phone.mp4",
        iter([corners()] * 5),
        media_files.tone(8.0, 48_000),
        video=VideoSpec(rotation=rotation, fps=Fraction(5)),
    )
    film = await decode_all(pool, path)
    assert film.probed.video.rotation == rotation
    assert film.media.video.rotation == rotation
    assert film.media.video.width == 160
    assert seen(film.frames[0].picture) == expected
    assert film.frames[0].picture.shape == shape


async def test_pixels_that_are_not_square(pool, tmp_path):
    path = media_files.write_film(
        tmp_path / "wide.mkv", iter([corners(180, 144)] * 3), video=VideoSpec(pixel_aspect=Fraction(64, 45))
    )
    film = await decode_all(pool, path)
    assert film.frames[0].picture.shape == (144, 256, 3)


async def test_large_frames_become_smaller(pool, tmp_path):
    film = await decode_all(
        pool,
        media_files.write_film(tmp_path / "film.mp4", iter([media_files.noise(1280, 720)] * 2)),
        frame_side=320,
    )
    assert film.frames[0].picture.shape == (180, 320, 3)


async def test_one_frame(pool, tmp_path):
    film = await decode_all(
        pool, media_files.write_film(tmp_path / "one.mp4", iter([media_files.astronaut()]))
    )
    assert film.media.kind == "film"
    assert film.times == [0.0]


async def test_frames_of_two_pixels(pool, tmp_path):
    tiny = np.full((2, 2, 3), 90, np.uint8)
    film = await decode_all(pool, media_files.write_film(tmp_path / "tiny.mp4", iter([tiny] * 3)))
    assert film.frames[0].picture.shape == (2, 2, 3)
