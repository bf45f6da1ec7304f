"""Sound: level, pitch and place survive whatever rate, channels and gaps the file has."""

import numpy as np
import pytest

from tests import media_files
from tests.media.conftest import decode_all, refusal_of
from tests.media.hostile_files import float_wav, mkv_all_around, mov_in_film_order
from tests.media_files import AudioSpec, VideoSpec


def loudest_hertz(samples):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / 16_000)[spectrum.argmax()])


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
async def test_every_rate(pool, tmp_path, rate):
    path = media_files.write_sound(tmp_path / "tone.wav", media_files.tone(1.0, rate), rate=rate)
    sound = await decode_all(pool, path)
    assert len(sound.samples) == pytest.approx(16_000, abs=2)
    assert loudest_hertz(sound.samples) == pytest.approx(440, abs=1)
    assert np.abs(sound.samples[2000:-2000]).max() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 6, 7, 8])
async def test_every_number_of_channels_keeps_the_level(pool, tmp_path, channels):
    samples = np.tile(media_files.tone(1.0, 48_000)[:, None], (1, channels))
    path = media_files.write_sound(tmp_path / "tone.wav", samples, rate=48_000)
    sound = await decode_all(pool, path)
    assert len(sound.samples) == pytest.approx(16_000, abs=2)
    assert np.abs(sound.samples).max() <= 0.52
    assert np.abs(sound.samples[2000:-2000]).max() == pytest.approx(0.5, abs=0.15)


async def test_a_voice_on_one_of_two_channels_is_heard(pool, tmp_path):
    tone = media_files.tone(1.0, 48_000)
    samples = np.stack([tone, np.zeros_like(tone)], axis=1)
    sound = await decode_all(pool, media_files.write_sound(tmp_path / "left.wav", samples, rate=48_000))
    assert np.abs(sound.samples[2000:-2000]).max() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(("channels", "spoken"), [(3, 2), (6, 3), (8, 3)])
async def test_a_microphone_on_any_channel_of_bare_samples_is_heard(pool, tmp_path, channels, spoken):
    samples = np.zeros((48_000, channels), np.float32)
    samples[:, spoken] = media_files.tone(1.0, 48_000)
    sound = await decode_all(pool, media_files.write_sound(tmp_path / "one.wav", samples, rate=48_000))
    assert np.abs(sound.samples[2000:-2000]).max() > 0.05


async def test_a_voice_that_two_channels_hold_with_opposite_signs_is_heard(pool, tmp_path):
    voice = media_files.tone(2.0, 48_000)
    samples = np.stack([voice, -0.98 * voice], axis=1)
    sound = await decode_all(pool, media_files.write_sound(tmp_path / "turned.wav", samples, rate=48_000))
    assert np.abs(sound.samples[2000:-2000]).max() == pytest.approx(0.5, abs=0.01)
    assert loudest_hertz(sound.samples) == pytest.approx(440, abs=1)


@pytest.mark.parametrize("constant", [0.02, 0.3])
async def test_a_constant_in_both_channels_hides_no_opposite_signs(pool, tmp_path, constant):
    voice = 0.2 * media_files.tone(2.0, 48_000)
    samples = np.stack([constant + voice, constant - voice], axis=1)
    sound = await decode_all(pool, media_files.write_sound(tmp_path / "turned.wav", samples, rate=48_000))
    wave = sound.samples[2000:-2000] - sound.samples.mean()
    assert np.abs(wave).max() == pytest.approx(0.1, abs=0.01)


async def test_a_voice_that_two_channels_hold_with_opposite_signs_does_not_change_its_sign(pool, tmp_path):
    voice, rng = media_files.tone(4.0, 48_000), np.random.default_rng(7)
    samples = np.stack([voice, -voice], axis=1) + rng.normal(0.0, 0.005, (len(voice), 2))
    sound = await decode_all(pool, media_files.write_sound(tmp_path / "turned.wav", samples, rate=48_000))
    assert np.corrcoef(sound.samples, media_files.tone(4.0, 16_000))[0, 1] > 0.99


@pytest.mark.parametrize("layout", ["FL+FC", "SL+SR", "BL+BR", "FL+BC"])
async def test_channels_that_ffmpeg_does_not_mix_are_heard(pool, tmp_path, layout):
    audio = AudioSpec(codec="pcm_s16le", layout=layout)
    path = media_files.talking_film(tmp_path / "film.mov", seconds=1, audio=audio)
    assert_whole(await decode_all(pool, path))


async def test_channels_in_an_unusual_order_are_heard(pool, tmp_path):
    film = await decode_all(pool, mov_in_film_order(tmp_path / "film.mov"))
    assert film.media.audio.channels == 6
    assert_whole(film)


@pytest.mark.parametrize(("layout", "channels"), [("quad", 4), ("5.1", 6)])
async def test_channels_of_a_sphere_are_heard(pool, tmp_path, layout, channels):
    film = await decode_all(pool, mkv_all_around(tmp_path / "film.mkv", layout))
    assert film.media.audio.channels == channels
    assert_whole(film)


def assert_whole(film):
    assert film.notices == ()
    assert len(film.frames) == 5
    assert len(film.samples) == pytest.approx(16_000, abs=400)
    assert np.sqrt(np.square(film.samples).mean()) > 0.05


async def test_sound_of_a_container_whose_clock_runs_on(pool, tmp_path):
    path = media_files.write_film(
        tmp_path / "late.ogg",
        None,
        media_files.tone(3.0, 48_000),
        audio=AudioSpec(codec="libopus", offset=100),
    )
    sound = await decode_all(pool, path)
    assert sound.probed.seconds == pytest.approx(3.0, abs=0.05)
    assert sound.notices == ()


@pytest.mark.parametrize(("name", "codec"), [("still.aac", "aac"), ("still.mp3", "libmp3lame")])
async def test_a_length_that_is_guessed_says_nothing_of_an_end(pool, tmp_path, name, codec):
    # Silence takes fewer bits than what comes after it, and from the first bits the length is guessed.
    noise = 0.3 * np.random.default_rng(0).standard_normal(48_000 * 3).astype(np.float32)
    path = media_files.write_film(
        tmp_path / name,
        None,
        np.concatenate([np.zeros(48_000 * 3, np.float32), noise]),
        audio=AudioSpec(codec=codec),
        options={"write_xing": "0"} if name.endswith("mp3") else None,
    )
    sound = await decode_all(pool, path)
    assert sound.seconds == pytest.approx(6.0, abs=0.1)
    assert sound.notices == ()


async def test_a_very_short_sound_is_no_damage(pool, tmp_path):
    path = media_files.write_sound(tmp_path / "short.wav", media_files.tone(0.02))
    sound = await decode_all(pool, path)
    assert len(sound.samples) == 320
    assert sound.notices == ()


@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"]
)
async def test_every_sample_format(pool, tmp_path, subtype):
    path = media_files.write_sound(tmp_path / "tone.wav", media_files.tone(0.5), subtype=subtype)
    sound = await decode_all(pool, path)
    assert np.abs(sound.samples).max() == pytest.approx(0.5, abs=0.03)


async def test_chunks_are_a_second_long_and_follow_each_other(pool, tmp_path):
    path = media_files.write_sound(tmp_path / "tone.wav", media_files.tone(3.5, 44_100), rate=44_100)
    sound = await decode_all(pool, path)
    assert sound.sound_times == [0.0, 1.0, 2.0, 3.0]
    assert len(sound.samples) == pytest.approx(56_000, abs=2)
    assert sound.seconds == pytest.approx(3.5, abs=0.001)


@pytest.mark.parametrize("name", ["sound.wav", "sound.flac", "sound.mp3", "sound.m4a", "sound.opus"])
async def test_a_stretch(pool, tmp_path, name):
    click = media_files.tone(8.0, 48_000, level=0.02)
    click[48_000 * 6 : 48_000 * 6 + 4800] = media_files.tone(0.1, 48_000, 1000, 0.8)
    codecs = {
        "sound.wav": "pcm_s16le",
        "sound.flac": "flac",
        "sound.mp3": "libmp3lame",
        "sound.opus": "libopus",
    }
    spec = AudioSpec(codec=codecs.get(name, "aac"))
    path = media_files.write_film(tmp_path / name, None, click, audio=spec)
    sound = await decode_all(pool, path, start=5.5, end=7.25)
    assert sound.sound_times == [5.5, 6.5]
    assert len(sound.samples) == 28_000
    loud = np.flatnonzero(np.abs(sound.samples) > 0.3)
    assert loud[0] / 16_000 == pytest.approx(0.5, abs=0.03)
    assert loud[-1] / 16_000 == pytest.approx(0.6, abs=0.03)


async def test_sound_that_begins_after_the_pictures_stays_in_its_place(pool, tmp_path):
    path = media_files.write_film(
        tmp_path / "late.mkv",
        media_files.counted(75),
        media_files.tone(1.0, 48_000),
        audio=AudioSpec(codec="flac", offset=1.5),
    )
    film = await decode_all(pool, path)
    assert film.sound_times[0] == 0.0
    heard = np.flatnonzero(np.abs(film.samples) > 0.1)
    assert heard[0] / 16_000 == pytest.approx(1.5, abs=0.01)
    assert film.seconds == pytest.approx(3.0, abs=0.01)
    assert film.notices == ()


async def test_a_hole_in_the_sound_is_silence(pool, tmp_path):
    path = tmp_path / "hole.mkv"
    parts = [(0.0, media_files.tone(0.5, 48_000)), (2.0, media_files.tone(0.5, 48_000))]
    media_files.write_film(
        path, media_files.counted(75), None, sound_parts=parts, audio=AudioSpec(codec="pcm_s16le")
    )
    film = await decode_all(pool, path)
    heard = np.abs(film.samples[: len(film.samples) // 1600 * 1600]).reshape(-1, 1600).max(axis=1) > 0.1
    assert heard.tolist() == [True] * 5 + [False] * 15 + [True] * 5


async def test_sound_longer_than_the_pictures(pool, tmp_path):
    path = media_files.write_film(tmp_path / "f.mp4", media_files.counted(25), media_files.tone(3.0, 48_000))
    film = await decode_all(pool, path)
    assert film.seconds == pytest.approx(3.0, abs=0.05)
    assert len(film.frames) == 5
    assert len(film.samples) == pytest.approx(48_000, abs=600)


async def test_pictures_longer_than_the_sound(pool, tmp_path):
    path = media_files.write_film(tmp_path / "f.mp4", media_files.counted(75), media_files.tone(1.0, 48_000))
    film = await decode_all(pool, path)
    assert film.seconds == pytest.approx(3.0, abs=0.01)
    assert len(film.frames) == 15
    assert len(film.samples) == pytest.approx(16_000, abs=600)


async def test_a_film_without_sound(pool, tmp_path):
    film = await decode_all(pool, media_files.write_film(tmp_path / "f.mp4", media_files.counted(25)))
    assert film.media.audio is None
    assert len(film.samples) == 0
    assert film.notices == ()


async def test_a_film_container_with_sound_only_is_a_sound(pool, tmp_path):
    path = media_files.write_film(tmp_path / "f.mp4", None, media_files.tone(1.0, 48_000))
    assert (await decode_all(pool, path)).media.kind == "sound"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
async def test_samples_that_are_no_numbers(pool, tmp_path, bad):
    samples = media_files.tone(1.0)
    samples[5000] = bad
    path = tmp_path / "bad.wav"
    path.write_bytes(float_wav(samples))
    problem = await refusal_of(pool, path)
    assert (problem.name, problem.field) == ("damaged-media", "file")
    assert "NaN" in problem.detail


async def test_samples_beyond_full_scale_are_cut(pool, tmp_path):
    path = tmp_path / "loud.wav"
    path.write_bytes(float_wav(media_files.tone(1.0, level=1e20)))
    sound = await decode_all(pool, path)
    assert np.abs(sound.samples).max() == 1.0


async def test_silence_is_sound(pool, tmp_path):
    path = media_files.write_film(
        tmp_path / "quiet.mp4",
        media_files.counted(25),
        np.zeros(48_000, np.float32),
        video=VideoSpec(),
    )
    film = await decode_all(pool, path)
    assert np.abs(film.samples).max() < 1e-3
    assert film.notices == ()
