"""Every container: what it is said to be, what comes out, and that it shows what went in."""

import numpy as np
import pytest

from tests import media_files
from tests.media.conftest import decode_all


@pytest.mark.parametrize("name", media_files.FILMS)
async def test_film(pool, made, tmp_path, name):
    film = await decode_all(pool, made("FILMS", name))
    assert film.media.kind == "film"
    assert film.media.container == name.split("-", maxsplit=1)[0]
    assert (film.media.video.width, film.media.video.height) == (320, 240)
    assert film.media.audio.channels == (6 if name == "mkv" else 2)
    assert film.seconds == pytest.approx(2.0, abs=0.3)
    assert film.media.seconds == pytest.approx(2.0, abs=0.3)
    assert 10 <= len(film.frames) <= 11
    assert np.diff(film.times) == pytest.approx(0.2, abs=0.03)
    assert all(frame.picture.shape == (240, 320, 3) for frame in film.frames)
    assert len(film.samples) == pytest.approx(32_000, abs=4000)
    assert film.notices == ()
    first = next(media_files.moving_face(media_files.astronaut(), frames=50)).astype(int)
    assert np.abs(first - film.frames[0].picture).mean() < 12


async def test_a_live_recording_gets_its_length_at_the_end(pool, made, tmp_path):
    film = await decode_all(pool, made("FILMS", "webm-live"))
    assert film.probed.seconds is None
    assert film.media.seconds == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("name", media_files.SOUNDS)
async def test_sound(pool, made, tmp_path, name):
    sound = await decode_all(pool, made("SOUNDS", name))
    assert sound.media.kind == "sound"
    assert sound.media.container == name.split("-", maxsplit=1)[0]
    assert sound.media.video is None
    assert sound.frames == []
    assert len(sound.samples) == pytest.approx(32_000, abs=1500)
    assert sound.sound_times == pytest.approx([0.0, 1.0, 2.0][: len(sound.sound_times)])
    assert np.abs(sound.samples).max() <= 1.0
    voice = media_files.speech(2.0, 16_000)
    assert sound.samples.std() == pytest.approx(voice.std(), rel=0.45 if name == "wav-5.1" else 0.1)


@pytest.mark.parametrize("name", media_files.PICTURES)
async def test_picture(pool, made, tmp_path, name):
    picture = await decode_all(pool, made("PICTURES", name))
    assert picture.media.kind == "picture"
    assert picture.media.container == name.split("-", maxsplit=1)[0]
    assert picture.seconds is None
    assert picture.media.seconds is None
    assert picture.times == [0.0]
    assert picture.frames[0].picture.shape == (512, 512, 3)
    difference = picture.frames[0].picture.astype(int) - media_files.astronaut()
    assert np.abs(difference).mean() < 8


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
async def test_an_animation_is_its_first_picture(pool, tmp_path, suffix):
    path = media_files.animated(tmp_path / f"moving{suffix}", list(media_files.counted(5)))
    picture = await decode_all(pool, path)
    assert picture.media.kind == "picture"
    assert picture.numbers == [0]


@pytest.mark.parametrize("suffix", [".m4a", ".mp3", ".flac"])
async def test_a_cover_makes_no_film_of_a_sound(pool, tmp_path, suffix):
    path = media_files.with_cover(tmp_path / f"song{suffix}", media_files.tone(1.0, 48_000))
    sound = await decode_all(pool, path)
    assert sound.media.kind == "sound"
    assert sound.frames == []
    assert len(sound.samples) == pytest.approx(16_000, abs=1200)


async def test_what_is_not_wanted_is_not_sent(pool, made, tmp_path):
    path = made("FILMS", "mp4")
    only_faces = await decode_all(pool, path, sound=False)
    assert len(only_faces.samples) == 0
    assert len(only_faces.frames) == 10
    only_sound = await decode_all(pool, path, faces=False)
    assert only_sound.frames == []
    assert len(only_sound.samples) == pytest.approx(32_000, abs=500)
    neither = await decode_all(pool, path, faces=False, sound=False)
    assert neither.media.kind == "film"
    assert neither.notices == ()
