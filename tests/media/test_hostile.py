"""Hostile and broken uploads: each is refused with its problem, or gives what there is with a notice."""

import numpy as np
import pytest
from PIL import Image

from shared.contracts.problems import Problem
from tests import media_files
from tests.media import hostile_files
from tests.media.conftest import decode_all, outcome_of, refusal_of
from tests.media_files import VideoSpec
from tests.stress import bombs


async def test_zero_bytes(pool, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    problem = await refusal_of(pool, tmp_path / "empty")
    assert (problem.name, problem.field) == ("empty-upload", "file")


@pytest.mark.parametrize("name", hostile_files.FOREIGN)
async def test_what_is_no_media_is_called_what_it_is(pool, tmp_path, name):
    content, word = hostile_files.FOREIGN[name]
    (tmp_path / "film.mp4").write_bytes(content)
    problem = await refusal_of(pool, tmp_path / "film.mp4")
    assert (problem.name, problem.field) == ("unsupported-media", "file")
    assert word in problem.detail


async def test_polyglots_are_what_they_begin_with(pool, tmp_path):
    jpeg = media_files.write_picture(tmp_path / "a.jpg").read_bytes()
    (tmp_path / "jpeg-and-zip").write_bytes(jpeg + b"PK\x03\x04" + bytes(50))
    assert (await decode_all(pool, tmp_path / "jpeg-and-zip")).media.container == "jpeg"
    (tmp_path / "gif-and-script").write_bytes(b"GIF89a/*" + b"*/=alert(1);//" * 9)
    assert (await refusal_of(pool, tmp_path / "gif-and-script")).name in {"damaged-media", "media-over-limit"}
    (tmp_path / "mp4-and-playlist").write_bytes(
        b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00" + hostile_files.PLAYLIST
    )
    assert (await refusal_of(pool, tmp_path / "mp4-and-playlist")).name == "damaged-media"


@pytest.mark.parametrize("name", media_files.FILMS)
@pytest.mark.parametrize("fraction", [0.02, 0.1, 0.5, 0.9])
async def test_a_film_that_was_cut_off(pool, made, tmp_path, name, fraction):
    cut = media_files.truncated(made("FILMS", name), fraction, tmp_path / "cut")
    film = await outcome_of(pool, cut)
    if isinstance(film, Problem):
        assert film.name == "damaged-media"
        assert name in {"mp4", "mov", "mov-prores", "mp4-hevc"} or fraction < 0.5
        return
    assert film.frames or len(film.samples)
    assert film.seconds < 2.1
    if name in {"mp4-fast-start", "mkv", "webm"}:
        assert "truncated" in film.codes


@pytest.mark.parametrize("name", media_files.SOUNDS)
@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
async def test_a_sound_that_was_cut_off(pool, made, tmp_path, name, fraction):
    cut = media_files.truncated(made("SOUNDS", name), fraction, tmp_path / "cut")
    sound = await outcome_of(pool, cut)
    if isinstance(sound, Problem):
        assert sound.name == "damaged-media"
        assert name in {"m4a", "ogg-opus", "ogg-vorbis"} or fraction == 0.1
        return
    # Compressed bytes are not spread evenly, and Ogg keeps a second or so in a page.
    assert 0.0 < sound.seconds < 2 * fraction + 0.35


async def test_an_mp4_without_its_index(pool, tmp_path):
    problem = await refusal_of(pool, hostile_files.mp4_without_index(tmp_path / "no-moov.mp4"))
    assert problem.name == "damaged-media"


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "http://127.0.0.1:9/x", "subfile,,start,0,end,9,,:/etc/passwd"]
)
async def test_an_mp4_that_points_outside(pool, tmp_path, target):
    path = hostile_files.mp4_pointing_outside(tmp_path / "outside.mp4", target)
    # Whatever is decoded, it is this file's own bytes; test_sandbox shows that no other can be opened.
    film = await outcome_of(pool, path)
    if isinstance(film, Problem):
        assert film.name in {"damaged-media", "unsupported-media"}
    else:
        assert film.media.container == "mp4"


@pytest.mark.parametrize("maker", [hostile_files.mp4_claiming_seconds, hostile_files.mkv_claiming_seconds])
async def test_a_claim_of_5000_hours(pool, tmp_path, maker):
    path = maker(tmp_path / "long", 5000 * 3600)
    problem = await refusal_of(pool, path)
    assert (problem.name, problem.extra["limit"]) == ("media-over-limit", "max_seconds")
    assert "start" in problem.remedy
    part = await decode_all(pool, path, end=1.0)
    assert part.frames
    assert part.seconds == pytest.approx(1.0)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0, 0.0])
async def test_a_length_that_is_no_length_is_not_known(pool, tmp_path, seconds):
    film = await decode_all(pool, hostile_files.mkv_claiming_seconds(tmp_path / "odd.mkv", seconds))
    assert film.seconds == pytest.approx(2.0, abs=0.05)


async def test_a_film_that_goes_on_longer_than_it_claims(limited, made, tmp_path):
    pool = await limited(max_seconds=1.0)
    live = made("FILMS", "webm-live")
    assert (await refusal_of(pool, live)).extra["limit"] == "max_seconds"
    sound = made("SOUNDS", "mp3")
    assert (await refusal_of(pool, sound)).extra["limit"] == "max_seconds"


async def test_times_that_jump_by_hours(pool, tmp_path):
    spec = VideoSpec(times=(0.0, 0.04, 90_000.0, 90_000.04))
    path = media_files.write_film(
        tmp_path / "jump.mkv", media_files.counted(4), video=spec, options={"live": "1"}
    )
    assert (await refusal_of(pool, path)).extra["limit"] == "max_seconds"
    parts = [(0.0, media_files.tone(0.2, 48_000)), (90_000.0, media_files.tone(0.2, 48_000))]
    audio = media_files.AudioSpec(codec="pcm_s16le")
    path = media_files.write_film(
        tmp_path / "jump-sound.mkv", None, None, sound_parts=parts, audio=audio, options={"live": "1"}
    )
    assert (await refusal_of(pool, path)).extra["limit"] == "max_seconds"


async def test_an_8k_film_at_240_frames_a_second(pool, tmp_path):
    problem = await refusal_of(pool, hostile_files.huge_film(tmp_path / "huge.avi"))
    assert (problem.name, problem.extra["limit"]) == ("media-over-limit", "max_film_pixels")


async def test_frame_rates_beyond_the_limits(pool, limited, tmp_path):
    fast = VideoSpec(fps=media_files.Fraction(500), codec="mpeg4", options=())
    path = media_files.write_film(tmp_path / "fast.avi", media_files.counted(20), video=fast)
    assert (await refusal_of(pool, path)).extra["limit"] == "max_fps"
    small = await limited(max_pixel_rate=100_000)
    path = media_files.write_film(tmp_path / "film.mp4", media_files.counted(5))
    assert (await refusal_of(small, path)).extra["limit"] == "max_pixel_rate"


async def test_100_sound_tracks(pool, tmp_path):
    problem = await refusal_of(pool, hostile_files.film_with_many_tracks(tmp_path / "many.mkv", 100))
    assert (problem.name, problem.extra["limit"]) == ("media-over-limit", "max_streams")
    assert problem.extra["value"] == 100


async def test_two_sound_tracks_are_well(pool, tmp_path):
    sound = await decode_all(pool, hostile_files.film_with_many_tracks(tmp_path / "two.mkv", 2))
    assert len(sound.samples) == 1024


async def test_subtitles_and_attachments_are_left_alone(pool, tmp_path):
    film = await decode_all(pool, hostile_files.film_with_extras(tmp_path / "extras.mkv"))
    assert len(film.frames) == 5
    assert film.notices == ()


@pytest.mark.parametrize(
    ("header", "name", "limit"),
    [
        ({"rate": 0}, "damaged-media", None),
        ({"rate": 1}, "media-over-limit", "min_sample_rate"),
        ({"rate": 7_000}, "media-over-limit", "min_sample_rate"),
        ({"rate": 10_000_000}, "media-over-limit", "max_sample_rate"),
        ({"rate": 4_294_967_295}, "damaged-media", None),
        ({"channels": 0}, "damaged-media", None),
        ({"channels": 9}, "media-over-limit", "max_channels"),
        ({"channels": 65_535}, "damaged-media|media-over-limit", None),
        ({"bits": 0}, "damaged-media|unsupported-media", None),
        ({"tag": 0x7777}, "unsupported-media|damaged-media", None),
    ],
)
async def test_impossible_wav_headers(pool, tmp_path, header, name, limit):
    (tmp_path / "odd.wav").write_bytes(hostile_files.wav(**header))
    problem = await refusal_of(pool, tmp_path / "odd.wav")
    assert problem.name in name.split("|")
    assert limit is None or problem.extra["limit"] == limit


async def test_a_film_without_frames(pool, tmp_path):
    problem = await refusal_of(pool, hostile_files.film_without_frames(tmp_path / "none.mp4"))
    assert problem.name == "damaged-media"


async def test_a_codec_that_is_not_decoded_here(pool, tmp_path):
    spec = VideoSpec(codec="ffv1", options=())
    path = media_files.write_film(tmp_path / "film.mkv", media_files.counted(3), video=spec)
    problem = await refusal_of(pool, path)
    assert problem.name == "unsupported-media"
    assert "ffv1" in problem.detail


async def test_damaged_parts_are_left_out_and_said(pool, made, tmp_path):
    content = bytearray(made("FILMS", "mpegts").read_bytes())
    rng = np.random.default_rng(3)
    for place in rng.integers(len(content) // 3, len(content), 400):
        content[place] ^= int(rng.integers(1, 256))
    (tmp_path / "noisy.ts").write_bytes(bytes(content))
    film = await decode_all(pool, tmp_path / "noisy.ts")
    assert len(film.frames) >= 4
    (said,) = (notice.message for notice in film.notices if notice.code == "damaged-parts")
    count, sentence = said.split(" ", 1)
    assert int(count) > 1
    assert sentence == "parts of the file could not be decoded and were left out."


async def test_more_memory_than_allowed(limited, tmp_path):
    pool = await limited(memory_bytes=1 << 26)
    path = tmp_path / "large.png"
    Image.new("RGBA", (5500, 5500)).save(path, compress_level=1)
    problem = await refusal_of(pool, path)
    assert (problem.name, problem.extra["limit"]) == ("media-over-limit", "memory_bytes")


async def test_more_cpu_time_than_allowed(limited, tmp_path):
    pool = await limited(cpu_seconds=1, first_cpu_seconds=1)
    jpeg = media_files.write_picture(
        tmp_path / "a.jpg", media_files.noise(1920, 1080), quality=95
    ).read_bytes()
    path = media_files.moving_jpegs(tmp_path / "slow.avi", jpeg, size=(1920, 1080), frames=900)
    problem = await refusal_of(pool, path, fps=30)
    assert (problem.name, problem.extra["limit"]) == ("media-over-limit", "cpu_seconds")


async def test_a_jpeg_that_goes_over_its_pixels_again_and_again(pool, tmp_path):
    path = tmp_path / "scans.jpg"
    path.write_bytes(bombs.jpeg_of_many_scans(200, 600))
    problem = await refusal_of(pool, path)
    assert (problem.name, problem.extra["limit"]) == ("media-over-limit", "max_picture_scans")
    path.write_bytes(bombs.jpeg_of_many_scans(9, 600))
    assert (await decode_all(pool, path)).media.container == "jpeg"
